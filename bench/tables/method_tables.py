"""The numbers of leaderboards about one defense: protection by level, and by victim."""

from collections.abc import Iterable

import pandas as pd

from bench.tables.knowledge import TITLES

LEVELS = {
    "plain": TITLES["plain"],
    "adaptive": "may know the method",
    "queries": "can also have pictures protected",
    "clean": "also holds some clean pictures",
}
"""Columns of a leaderboard, each with its trainer in words, from the least knowing on."""

COLUMNS = ["variant", "value", "low", "high"]


def tabulate_levels(board: pd.DataFrame, defense: str) -> pd.DataFrame:
    """Return the protection of a defense at each level that was met: level, variant (its label), value, low, high."""
    rows = [
        (title, row["defense_label"], row[level], row[f"{level}_low"], row[f"{level}_high"])
        for row in _rows(board, defense)
        for level, title in LEVELS.items()
        if pd.notna(row[level])
    ]
    return pd.DataFrame(rows, columns=["level", *COLUMNS])


def tabulate_victims(defense: str, boards: Iterable[tuple[pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """Return the adaptive protection of a defense by victim: victim, variant, value, low, high.

    boards: games' rows of `tabulate_runs`, each with its leaderboard. Of several games of one victim, the one with the
    most runs counts.
    """
    rows = {}
    for game, board in sorted(boards, key=lambda pair: len(pair[0])):
        for row in _rows(board, defense):
            if pd.notna(row["so_far"]):
                key = str(game["victim"].iloc[0]), row["defense_label"]
                rows[key] = (*key, row["so_far"], row["so_far_low"], row["so_far_high"])
    return pd.DataFrame(sorted(rows.values()), columns=["victim", *COLUMNS])


def _rows(board: pd.DataFrame, defense: str) -> list[pd.Series]:
    return [] if board.empty else [row for _, row in board[board["defense"] == defense].iterrows()]
