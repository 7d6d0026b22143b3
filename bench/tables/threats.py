"""The same release under other threat models: adaptive protection where the owner knows the victim, and where not."""

from collections.abc import Iterable, Mapping

import pandas as pd

THREATS = ("white", "gray", "black")

FREE = ("threat", "surrogates")
"""Columns in which games of other threat models may differ from a game."""


def select_siblings(game: pd.DataFrame, siblings: Iterable[pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the game itself and one for each other threat model, the one with the most runs, by threat model.

    game, siblings: the rows of one game, and of each that differs from it in `FREE` alone.
    """
    chosen: dict[str, pd.DataFrame] = {}
    for rows in sorted(siblings, key=len, reverse=True):
        chosen.setdefault(str(rows["threat"].iloc[0]), rows)
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
