"""Cells of the tables by what a trainer knows: protection, with a mark where it has one seed."""

from bench.tables.knowledge import Entry

ONE_SEED = "¹"
"""The mark of a number that has one seed."""


def cell(entry: Entry, level: str) -> str:
    """Return what a defense takes at a level; nothing where that was not met or is not defined."""
    estimate = entry.protection(level)
    if estimate is None:
        return ""
    return str(estimate) + (ONE_SEED if len(entry.levels[level].attacks) == 1 else "")


def add_legend(table: str) -> str:
    """Return a table with the meaning of the mark below it, where some cell has the mark."""
    return f"{table}\n\n{ONE_SEED} One seed." if ONE_SEED in table else table
