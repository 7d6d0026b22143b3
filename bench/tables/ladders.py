"""The trainer's ladder of attacks on each defense: after each attack, the best so far, and what all of them cost."""

from collections.abc import Iterable, Iterator

import pandas as pd

from attacks import REGISTRY as ATTACKS
from bench.results import Run
from bench.scoring.ladder import PLAIN, AttackResult, Step, climb
from bench.tables.cells import compute_cells, estimate
from bench.tables.game import Game, split_games
from bench.tables.levels import score_level
from bench.tables.runs import TOO_LITTLE_GAIN, tabulate_runs


def compute_ladders(runs: pd.DataFrame) -> Iterator[tuple[str, list[Step]]]:
    """Yield the label and the steps of each defense in one game's runs, as `tabulate_runs` gives them.

    Attacks are named in text form. Those without a recorded time are left out, and so are defenses that never met
    `lora_sft`, the unit of cost.
    """
    counted = runs[_counts(runs)]
    cells = compute_cells(counted.assign(attack_label=counted["attack_text"]))
    for defense, group in cells.groupby("defense_label", sort=False):
        timed = group[group["seconds_attack"].notna()]
        if PLAIN in set(timed["attack_label"]):
            steps = climb([_attack_result(cell) for _, cell in timed.iterrows()])
            yield str(defense), _add_protection(steps, runs[runs["defense_label"] == defense])


def find_climbed(runs: pd.DataFrame) -> set[str]:
    """Return the labels of the defenses for which `compute_ladders` yields steps."""
    plain = runs[_counts(runs) & (runs["attack_text"] == PLAIN) & runs["seconds_attack"].notna()]
    return set(plain["defense_label"])


def _counts(runs: pd.DataFrame) -> "pd.Series[bool]":
    return runs["reason"].isin(["", TOO_LITTLE_GAIN]) & ~runs["attack"].isin(ATTACKS.controls)


def compute_run_ladders(rows: Iterable[Run]) -> Iterator[tuple[Game, str, list[Step]]]:
    """Yield the game, the defense and the steps of each ladder in runs that were just played."""
    for game, played in split_games(tabulate_runs(rows)):
        for defense, steps in compute_ladders(played):
            yield game, defense, steps


def tabulate_ladders(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each step of each defense in one game's runs.

    Columns: defense, attack, its `cost`, the `total` cost until now, `best`, the best attack's `gain`, and the
    `protection` of the attacks until now.
    """
    rows = [
        {
            "defense": defense,
            "attack": step.latest.attack,
            "cost": step.cost,
            "total": step.total,
            "best": step.best.attack,
            "gain": step.best.gain,
            "protection": step.protection.value if step.protection else None,
        }
        for defense, steps in compute_ladders(runs)
        for step in steps
    ]
    return pd.DataFrame(rows, columns=["defense", "attack", "cost", "total", "best", "gain", "protection"])


def _add_protection(steps: list[Step], runs: pd.DataFrame) -> list[Step]:
    """Return the steps of one defense, each with the score of all attacks until it."""
    attacks = [step.latest.attack for step in steps]
    scored = []
    for number, step in enumerate(steps, start=1):
        level = score_level(runs, attacks[:number])
        scored.append(step._replace(protection=level.score.protection if level and level.score else None))
    return scored


def _attack_result(cell: pd.Series) -> AttackResult:
    return AttackResult(
        attack=cell["attack_label"],
        seconds=float(cell["seconds_attack"]),
        validation=float(cell["validation"]),
        gain=float(cell["utility"] - cell["utility_baseline"]),
        protection=estimate(cell["protection"], cell["low"], cell["high"]),
    )
