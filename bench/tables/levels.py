"""The score of a defense against a set of attacks: the best on validation with the release, and with clean data."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd

from bench.scoring.protection import Score
from bench.tables.distrust import read_or_none
from bench.tables.runs import TOO_LITTLE_GAIN
from bench.tables.seeds import Evaluations, score_seeds


class LevelScore(NamedTuple):
    """A defense against a set of attacks, over the seeds that have met most of them.

    score: None where the answers are not on this machine. attacks: by seed, the attack that was chosen with the
    release, in text form. evaluations: by seed, what the score compares. missing: attacks of the set that one of these
    seeds has not met. runs, labels: by seed, the identity of the chosen attack's run, and its label in the game.
    """

    score: Score | None
    attacks: dict[int, str]
    evaluations: dict[int, Evaluations]
    missing: tuple[str, ...]
    runs: dict[int, str]
    labels: dict[int, str]


def score_level(runs: pd.DataFrame, attacks: Sequence[str]) -> LevelScore | None:
    """Score one defense of one game against `attacks`, in text form; `runs` are its rows of `tabulate_runs`.

    For each seed a trainer chooses by accuracy on validation alone: an attack on the release, an attack on clean data,
    and a baseline. Both attacks come from the same set; of equal ones the earlier in the set is chosen. An attack whose
    clean gain is too small to be judged alone still counts: on validation it cannot win by being bad.
    Returns None where no attack of the set was met.
    """
    order = {attack: number for number, attack in enumerate(attacks)}
    counted = (
        runs["reason"].isin(["", TOO_LITTLE_GAIN]) & runs["evaluations"].notna() & runs["validation_clean"].notna()
    )
    met = runs[counted & runs["attack_text"].isin(order)]
    if met.empty:
        return None
    met = met.assign(place=met["attack_text"].map(order)).sort_values("place", kind="stable")
    met = met.drop_duplicates(["seed", "attack_text"])
    by_seed = {seed: met[met["seed"] == seed] for seed in sorted(set(map(int, met["seed"])))}
    most = max(map(len, by_seed.values()))
    by_seed = {seed: rows for seed, rows in by_seed.items() if len(rows) == most}
    attacked = {seed: rows.iloc[rows["validation"].argmax()] for seed, rows in by_seed.items()}
    clean = {seed: rows.iloc[rows["validation_clean"].argmax()] for seed, rows in by_seed.items()}
    evaluations = {
        seed: Evaluations(_best_baseline(rows), clean[seed]["stages"]["clean"], attacked[seed]["stages"]["evaluate"])
        for seed, rows in by_seed.items()
    }
    return LevelScore(
        score=read_or_none(partial(score_seeds, tuple(evaluations.values()))),
        attacks={seed: row["attack_text"] for seed, row in attacked.items()},
        evaluations=evaluations,
        missing=tuple(a for a in attacks if any(a not in set(rows["attack_text"]) for rows in by_seed.values())),
        runs={seed: row["id"] for seed, row in attacked.items()},
        labels={seed: row["attack_label"] for seed, row in attacked.items()},
    )


def _best_baseline(rows: pd.DataFrame) -> str:
    """Return the evaluation of the baseline that is best on validation, among those of all attacks of one seed."""
    candidates: list[tuple[float, str]] = [
        (accuracies["validation"], stages[role])
        for baselines, stages in zip(rows["baselines"], rows["stages"], strict=True)
        for role, accuracies in baselines.items()
    ]
    return max(candidates, key=lambda candidate: candidate[0])[1]
