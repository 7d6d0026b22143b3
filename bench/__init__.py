"""The benchmark: what is played, how it is played, and what its results say. CONTRIBUTING.md names the rooms."""
