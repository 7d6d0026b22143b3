"""Defenses and attacks by name: a catalog that imports none of them, their descriptions, and their construction."""
