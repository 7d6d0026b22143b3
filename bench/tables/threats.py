"""The same release under other threat models: adaptive protection where the owner knows the victim, and where not."""

from collections.abc import Mapping

import pandas as pd

from bench.tables.game import GAME_COLUMNS

THREATS = ("white", "gray", "black")

SAME = [name for name in GAME_COLUMNS if name not in ("threat", "surrogates")]
"""Columns that games of other threat models share with a game."""


def select_siblings(game: pd.DataFrame, runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the game itself and one for each other threat model, the one with the most runs, by threat model.

    Only surrogates and threat model differ. game, runs: rows of `tabulate_runs` of one game, and of all.
    """
    siblings = runs[(runs[SAME] == game[SAME].iloc[0]).all(axis=1)]
    chosen = {}
    for threat, rows in siblings.groupby("threat"):
        fullest = rows["surrogates"].value_counts().index[0]
        chosen[str(threat)] = rows[rows["surrogates"] == fullest]
    return {**chosen, str(game["threat"].iloc[0]): game}


def join_threats(board: pd.DataFrame, boards: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a leaderboard with the adaptive protection under each of `THREATS`; NaN where it is not known.

    boards: leaderboards of `select_siblings` by threat model.
    """
    columns = {}
    for threat in THREATS:
        other = boards.get(threat, pd.DataFrame())
        known = {} if other.empty else dict(zip(other["defense_label"], other["adaptive"], strict=True))
        columns[threat] = board["defense_label"].map(lambda label, known=known: known.get(label, float("nan")))
    return board.assign(**columns)
