"""The score of a defense against a set of attacks: the best on validation with the release, and with clean data."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd

from bench.scoring.protection import Score
from bench.tables.distrust import read_or_none
from bench.tables.runs import TOO_LITTLE_GAIN
from bench.tables.seeds import Evaluations, score_seeds

SHORTLIST = 4
"""Attacks of a set, besides the plain one, that every seed after the fullest must have met."""


class LevelScore(NamedTuple):
    """A defense against a set of attacks, over the seeds that have met enough of them.

    score: None where the answers are not on this machine. attacks: by seed, the attack that was chosen with the
    release, in text form. evaluations: by seed, what the score compares. missing: attacks of the set that the fullest
    seed has not met. shortlist: attacks that every other seed must have met. runs, labels: by seed, the identity of the
    chosen attack's run, and its label in the game.
    """

    score: Score | None
    attacks: dict[int, str]
    evaluations: dict[int, Evaluations]
    missing: tuple[str, ...]
    shortlist: tuple[str, ...]
    runs: dict[int, str]
    labels: dict[int, str]


def score_level(runs: pd.DataFrame, attacks: Sequence[str], game: pd.DataFrame | None = None) -> LevelScore | None:
    """Score one defense of one game against `attacks`, in text form; `runs` are its rows of `tabulate_runs`.

    For each seed a trainer chooses by accuracy on validation alone: an attack on the release, an attack on clean data,
    and a baseline. Both attacks come from the same set; of equal ones the earlier in the set is chosen. An attack whose
    clean gain is too small to be judged alone still counts: on validation it cannot win by being bad.

    The seed that met most attacks gives the shortlist: the first attack of the set and the four that are best with the
    release on validation. Attacks with equal accuracies, as where no words were inserted that one of them could drop,
    count as the first of them. Another seed counts if it has met these. `game`: rows of all defenses of the game, whose
    clean sides count too, since they are the same for every defense; by default `runs` alone.
    Returns None where no attack of the set was met.
    """
    met = _rows_of_set(runs, attacks)
    if met.empty:
        return None
    by_seed = {seed: met[met["seed"] == seed] for seed in sorted(set(map(int, met["seed"])))}
    fullest = max(by_seed.values(), key=len)
    texts = set(fullest["attack_text"])
    distinct = fullest.drop_duplicates(["validation", "utility"])
    shortlist = {*distinct.nlargest(SHORTLIST, "validation")["attack_text"], attacks[0]} & texts
    by_seed = {seed: rows for seed, rows in by_seed.items() if shortlist <= set(rows["attack_text"])}
    attacked = {seed: rows.iloc[rows["validation"].argmax()] for seed, rows in by_seed.items()}
    clean_sides = met if game is None else _rows_of_set(game, attacks)
    clean = {seed: _best_clean(clean_sides[clean_sides["seed"] == seed]) for seed in by_seed}
    evaluations = {
        seed: Evaluations(_best_baseline(rows), clean[seed], attacked[seed]["stages"]["evaluate"])
        for seed, rows in by_seed.items()
    }
    return LevelScore(
        score=read_or_none(partial(score_seeds, tuple(evaluations.values()))),
        attacks={seed: row["attack_text"] for seed, row in attacked.items()},
        evaluations=evaluations,
        missing=tuple(attack for attack in attacks if attack not in texts),
        shortlist=tuple(attack for attack in attacks if attack in shortlist),
        runs={seed: row["id"] for seed, row in attacked.items()},
        labels={seed: row["attack_label"] for seed, row in attacked.items()},
    )


def _rows_of_set(runs: pd.DataFrame, attacks: Sequence[str]) -> pd.DataFrame:
    """Return the rows that count of the attacks of a set, in its order: one for each defense, seed and attack."""
    order = {attack: number for number, attack in enumerate(attacks)}
    counted = (
        runs["reason"].isin(["", TOO_LITTLE_GAIN]) & runs["evaluations"].notna() & runs["validation_clean"].notna()
    )
    met = runs[counted & runs["attack_text"].isin(order)]
    met = met.assign(place=met["attack_text"].map(order)).sort_values("place", kind="stable")
    return met.drop_duplicates(["defense_label", "seed", "attack_text"])


def _best_clean(rows: pd.DataFrame) -> str:
    """Return the evaluation of the attack that is best on validation with clean data."""
    evaluation: str = rows.iloc[rows["validation_clean"].argmax()]["stages"]["clean"]
    return evaluation


def _best_baseline(rows: pd.DataFrame) -> str:
    """Return the evaluation of the baseline that is best on validation, among those of all attacks of one seed."""
    candidates: list[tuple[float, str]] = [
        (accuracies["validation"], stages[role])
        for baselines, stages in zip(rows["baselines"], rows["stages"], strict=True)
        for role, accuracies in baselines.items()
    ]
    return max(candidates, key=lambda candidate: candidate[0])[1]
