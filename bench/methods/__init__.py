"""How the suite finds defenses and attacks, what it knows of each without importing it, and how it builds one."""
