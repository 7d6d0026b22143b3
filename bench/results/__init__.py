"""Rows of results: one a run, in SQL or as published files, with the answers that they stand on."""

from bench.results.rows import Run, find, load, save

__all__ = ["Run", "find", "load", "save"]
