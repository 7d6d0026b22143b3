"""Two defenses of one leaderboard side by side: what trainers reach with each release, paired answer by answer."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.scoring import stats
from bench.scoring.stats import Estimate
from bench.tables.answers import compare_evaluations, load_scores
from bench.tables.distrust import read_or_none


class Comparison(NamedTuple):
    """The test accuracy of trainers with the first release less that with the second, in [-1, 1].

    Negative: the first protects better. p: two-sided, of a paired test. seeds: those that both have met.
    """

    difference: Estimate
    p: float
    seeds: int


def compare_defenses(first: pd.Series, second: pd.Series) -> Comparison | None:
    """Compare two rows of `compute_leaderboard` by the answers after their chosen attacks.

    Returns None where no seed can be paired.
    """
    return read_or_none(partial(_compare, first, second))


def tabulate_attacks(cells: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return the protection of two defenses against each attack that both met, and the difference, largest first."""
    table = cells.pivot(index="attack_label", columns="defense_label", values="protection")
    both = table.reindex(columns=[first, second]).dropna()
    both["difference"] = both[first] - both[second]
    return both.sort_values("difference", ascending=False, kind="stable").reset_index()


def tabulate_questions(first: pd.Series, second: pd.Series) -> pd.DataFrame | None:
    """Return the test questions that trainers answer otherwise with two releases, at the first seed of both.

    Returns None where the answers are not on this machine.
    """
    shared = sorted(set(first["evaluations"]) & set(second["evaluations"]))
    if not shared:
        return None
    evaluations = [row["evaluations"][shared[0]].attacked for row in (first, second)]
    return compare_evaluations(*evaluations)


def _compare(first: pd.Series, second: pd.Series) -> Comparison | None:
    shared = sorted(set(first["evaluations"]) & set(second["evaluations"]))
    sides = [[load_scores(row["evaluations"][seed].attacked) for seed in shared] for row in (first, second)]
    pairs = [(one, other) for one, other in zip(*sides, strict=True) if one is not None and other is not None]
    if not pairs:
        return None
    items = pairs[0][0].index
    scores = np.array([[table["score"].loc[items].to_numpy() for table in pair] for pair in pairs])
    clusters, differences = pairs[0][0]["image_id"].to_numpy(), scores[:, 0] - scores[:, 1]
    return Comparison(stats.mean(differences, clusters), stats.paired_test(differences, clusters), len(pairs))
