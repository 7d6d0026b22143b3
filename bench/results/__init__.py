"""Results: one row for each run, in SQL or as published files, with the answers behind its scores."""

from bench.results.rows import Run, find, load, save

__all__ = ["Run", "find", "load", "save"]
