"""Purification: every picture of the release is mapped once, before training."""
