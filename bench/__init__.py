"""The benchmark: what is played, how it is played, and what the results say together. CONTRIBUTING.md names its rooms."""
