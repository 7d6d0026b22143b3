"""Badges: who has played the runs behind a number. None of them comes from the row itself."""

import pandas as pd

from bench.scoring.protection import VERIFIED_SEEDS
from bench.tables.game import GAME_COLUMNS

HERE = "this machine"
"""Played in this home."""

MAINTAINERS = "maintainers"
"""Published, and the maintainers have played the very same: see `bench.results.checked`."""

SELF_REPORTED = "self-reported"
"""Published, and nobody but its author has played it."""

VERIFIED = "verified"


def name_badge(origin: str, seeds: int) -> str:
    """Return the badge of what was played with so many seeds.

    >>> name_badge(MAINTAINERS, 5), name_badge(MAINTAINERS, 3), name_badge(SELF_REPORTED, 5)
    ('verified', 'maintainers, 3 of 5 seeds', 'self-reported')
    """
    if origin != MAINTAINERS:
        return origin
    return VERIFIED if seeds >= VERIFIED_SEEDS else f"{MAINTAINERS}, {seeds} of {VERIFIED_SEEDS} seeds"


def name_badges(runs: pd.DataFrame) -> pd.Series:
    """Return the badge of each row of `tabulate_runs`, by the seeds of its cell that are of the same origin."""
    cells = [*GAME_COLUMNS, "defense_label", "attack_label", "origin"]
    seeds = runs.groupby(cells, sort=False)["seed"].transform("nunique")
    return pd.Series(map(name_badge, runs["origin"], seeds), runs.index, dtype=object)
