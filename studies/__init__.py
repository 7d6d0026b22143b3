"""Experiments that were run once, to explain a result or to settle a choice."""
