"""The numbers of leaderboards about one defense or attack: protection by level, and by another column of the game."""

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


def tabulate_games(column: str, defense: str, boards: Iterable[tuple[pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """Return the adaptive protection of a defense by a column of the game: that column, variant, value, low, high.

    boards: games' rows of `tabulate_runs`, each with its leaderboard. Of several games with one value of the column,
    the one with the most runs counts.
    """
    found = ((game, _rows(board, defense)) for game, board in boards)
    return _collect(column, found, ("so_far", "so_far_low", "so_far_high"))


def tabulate_attack_games(
    column: str, text: str, standings: Iterable[tuple[pd.DataFrame, pd.DataFrame]]
) -> pd.DataFrame:
    """Return the protection that an attack in text form leaves, as `tabulate_games` does.

    standings: games' rows, each with the cells of its standing.
    """
    found = []
    for game, cells in standings:
        labels = set(game.loc[game["attack_text"] == text, "attack_label"])
        met = cells if cells.empty else cells[cells["attack_label"].isin(labels)]
        found.append((game, [row for _, row in met.iterrows()]))
    return _collect(column, found, ("protection", "low", "high"))


def _collect(
    column: str, found: Iterable[tuple[pd.DataFrame, list[pd.Series]]], scores: tuple[str, str, str]
) -> pd.DataFrame:
    rows = {}
    for game, members in sorted(found, key=lambda pair: len(pair[0])):
        for row in members:
            if pd.notna(row[scores[0]]):
                key = game[column].iloc[0], row["defense_label"]
                rows[key] = (*key, *(row[name] for name in scores))
    return pd.DataFrame(sorted(rows.values()), columns=[column, *COLUMNS])


def _rows(board: pd.DataFrame, defense: str) -> list[pd.Series]:
    return [] if board.empty else [row for _, row in board[board["defense"] == defense].iterrows()]
