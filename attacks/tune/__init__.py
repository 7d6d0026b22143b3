"""Tuners: recipes that fine-tune a victim."""
