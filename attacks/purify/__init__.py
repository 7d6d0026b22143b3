"""Purification: parts that change every picture of the release once, before training."""
