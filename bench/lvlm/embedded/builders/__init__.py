"""One module for each family, which builds its embedded victims with random weights."""
