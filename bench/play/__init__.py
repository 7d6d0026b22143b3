"""Runs and suites, played on an engine: their stages, their plan, their rows, and where each number comes from."""
