"""The trainer's ladder of each defense: after each attack, the best so far, against what all of them cost."""

from collections.abc import Iterator

import pandas as pd

from bench.scoring.frontier import PLAIN, Step, Tried, frontier
from bench.scoring.stats import Estimate


def tried(cell: pd.Series) -> Tried:
    """A row of `data.cells` as an attack that was tried."""
    estimate = Estimate(cell["protection"], cell["low"], cell["high"])
    gain = cell["utility"] - cell["utility_zero"]
    return Tried(cell["attack_label"], cell["seconds_attack"], cell["validation"], gain, estimate)


def ladders(cells: pd.DataFrame) -> Iterator[tuple[str, list[Step]]]:
    """Each defense of `data.cells` that met `lora_sft`, the unit of cost, with its steps."""
    for defense, group in cells.groupby("defense_label", sort=False):
        timed = group[group["seconds_attack"].notna()]
        if PLAIN in set(timed["attack_label"]):
            yield str(defense), frontier([tried(cell) for _, cell in timed.iterrows()])


def curve(cells: pd.DataFrame) -> pd.DataFrame:
    """One row a step: defense, attack, its `cost`, the `total` until now, `best` and its `gain` and `protection`."""
    rows = [
        {
            "defense": defense,
            "attack": step.tried.attack,
            "cost": step.cost,
            "total": step.total,
            "best": step.best.attack,
            "gain": step.best.gain,
            "protection": step.best.protection.value if step.best.protection else None,
        }
        for defense, steps in ladders(cells)
        for step in steps
    ]
    return pd.DataFrame(rows, columns=["defense", "attack", "cost", "total", "best", "gain", "protection"])
