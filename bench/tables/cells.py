"""Cells: one row for each defense and attack of a game, with the seeds brought together."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from bench.scoring.stats import Estimate
from bench.tables.distrust import read_or_none
from bench.tables.runs import COST
from bench.tables.seeds import score_seeds

COLUMNS: dict[str, tuple[str, str | Callable[[pd.Series], float]]] = {
    **{
        name: (name, "mean")
        for name in [
            "protection",
            "validation",
            "validation_clean",
            "utility_zero",
            "utility_baseline",
            "utility_clean",
            "utility",
        ]
    },
    "low": ("protection_low", "min"),
    "high": ("protection_high", "max"),
    "seeds": ("seed", "nunique"),
    **{f"stealth_{name}": (f"stealth_{name}", "mean") for name in ["psnr", "ssim"]},
    **{f"stealth_{name}": (f"stealth_{name}", "max") for name in ["linf", "words"]},
    **{f"seconds_{name}": (f"seconds_{name}", "mean") for name in COST},
    "run": ("id", "last"),
}
"""The columns of a cell: a column of its runs, and how the seeds are brought together."""


def compute_cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each defense and attack of one game's runs, as `tabulate_runs` gives them.

    Most columns are means over seeds. `protection` comes from the answers of all seeds in one bootstrap clustered by
    picture; NaN where they do not define it. Where those answers are not on this machine, it is the mean protection,
    with an interval as wide as those of the seeds together. `evaluations`: the `Evaluations` of each seed.

    `worst` marks the worst case of each defense: the attack with the highest mean *validation* accuracy, which is all
    that a trainer can see. `protection` is measured on the test split, so it only decides ties: the lower is worse.
    """
    groups = runs.groupby(["defense_label", "attack_label"], sort=True)
    cells = groups.agg(defense=("defense", "first"), **COLUMNS)
    evaluations = [dict(zip(group["seed"], group["evaluations"], strict=True)) for _, group in groups]
    cells = cells.assign(evaluations=pd.Series(evaluations, cells.index, dtype=object))
    numbers = cells[["protection", "low", "high"]].to_numpy(float, copy=True)
    for place, by_seed in enumerate(evaluations):
        score = read_or_none(partial(score_seeds, list(by_seed.values()))) if len(by_seed) > 1 else None
        if score is not None:
            numbers[place] = score.protection or np.nan
    cells[["protection", "low", "high"]] = numbers
    cells = cells.reset_index().sort_values(["validation", "protection"], ascending=[False, True], kind="stable")
    cells["worst"] = ~cells["defense_label"].duplicated()
    return cells


def estimate(value: float, low: float, high: float) -> Estimate | None:
    """Return a protection with its interval; None where one of the three is NaN.

    >>> estimate(0.5, 0.4, 0.6)
    Estimate(value=0.5, low=0.4, high=0.6)
    """
    return None if pd.isna([value, low, high]).any() else Estimate(float(value), float(low), float(high))
