"""The trainer's ladder of attacks on each defense: after each attack, the best so far, and what all of them cost."""

from collections.abc import Iterable, Iterator

import pandas as pd

from bench.results import Run
from bench.scoring.ladder import PLAIN, AttackResult, Step, climb
from bench.tables.cells import compute_cells, estimate
from bench.tables.game import Game, split_games
from bench.tables.runs import label_method, tabulate_runs
from bench.tables.seeds import score_seeds


def compute_ladders(cells: pd.DataFrame) -> Iterator[tuple[str, list[Step]]]:
    """Yield the label and the steps of each defense in one game's cells.

    Attacks without a recorded time are left out, and so are defenses that never met `lora_sft`, the unit of cost.
    """
    for defense, group in cells.groupby("defense_label", sort=False):
        timed = group[group["seconds_attack"].notna()]
        if PLAIN in set(timed["attack_label"]):
            yield str(defense), climb([_attack_result(cell) for _, cell in timed.iterrows()])


def compute_run_ladders(rows: Iterable[Run]) -> Iterator[tuple[Game, str, list[Step]]]:
    """Yield the game, the defense and the steps of each ladder in runs that were just played.

    An attack is named with all of its options, since these runs may all have the same ones. The protection is None
    where the answers of all seeds together do not define it.
    """
    runs = tabulate_runs(rows)
    names = zip(runs["attack"], runs["attack_options"], strict=True)
    runs["attack_label"] = [label_method(name, options) for name, options in names]
    for game, played in split_games(runs):
        for defense, steps in compute_ladders(_without_undefined(compute_cells(played))):
            yield game, defense, steps


def tabulate_ladders(cells: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each step of each defense in one game's cells.

    Columns: defense, attack, its `cost`, the `total` cost until now, `best`, and the best attack's `gain` and
    `protection`.
    """
    rows = [
        {
            "defense": defense,
            "attack": step.latest.attack,
            "cost": step.cost,
            "total": step.total,
            "best": step.best.attack,
            "gain": step.best.gain,
            "protection": step.best.protection.value if step.best.protection else None,
        }
        for defense, steps in compute_ladders(cells)
        for step in steps
    ]
    return pd.DataFrame(rows, columns=["defense", "attack", "cost", "total", "best", "gain", "protection"])


def _without_undefined(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with NaN for a protection that the answers of all seeds together do not define."""
    scores = [score_seeds(list(stages.values())) for stages in cells["answers"]]
    undefined = [score is not None and score.protection is None for score in scores]
    protection = ["protection", "low", "high"]
    return cells.assign(**cells[protection].mask(pd.Series(undefined, cells.index)))


def _attack_result(cell: pd.Series) -> AttackResult:
    return AttackResult(
        attack=cell["attack_label"],
        seconds=float(cell["seconds_attack"]),
        validation=float(cell["validation"]),
        gain=float(cell["utility"] - cell["utility_zero"]),
        protection=estimate(cell["protection"], cell["low"], cell["high"]),
    )
