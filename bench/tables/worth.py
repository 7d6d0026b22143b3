"""Worth in clean pictures of each defense of one game, read off the clean learning curve of the same trainer.

The curve is made of runs without a defense in which the trainer holds a share of the clean pictures and no release
(`own_only`), in as many steps as on the release. It ends with all pictures, where it has the clean side of the score.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.scoring.stats import Estimate
from bench.scoring.worth import estimate_worth
from bench.tables.answers import load_scores
from bench.tables.knowledge import Entry
from bench.tables.levels import LevelScore

CURVES = {"plain": "lora_sft+own_only", "K2": "full_sft+own_only+crop_color"}
"""The attack on a share of the clean pictures, for the trainer of a level of knowledge."""

SHARE = "own_only.share"


class Worth(NamedTuple):
    """The share of the owner's pictures that gives a trainer as much, clean, as a whole release, and its seeds."""

    defense: str
    level: str
    share: Estimate
    seeds: int


def compute_worth(entries: Iterable[Entry], runs: pd.DataFrame) -> list[Worth]:
    """Return the worth of every release at the levels of `CURVES`, as far as its seeds have a curve.

    entries: those of `score_game` for the same game's `runs`. Releases whose answers are not here are left out.
    """
    curves = {level: find_curve(runs, attack) for level, attack in CURVES.items()}
    return [
        Worth(entry.defense, level, share, len(seeds))
        for entry in entries
        for level, curve in curves.items()
        if (scored := entry.levels.get(level)) and (seeds := sorted(curve.keys() & scored.evaluations.keys()))
        if (share := _estimate(scored, {seed: curve[seed] for seed in seeds})) is not None
    ]


def find_curve(runs: pd.DataFrame, attack: str) -> dict[int, dict[float, str]]:
    """Return the evaluations of an attack on clean pictures by seed and share; `runs` as `tabulate_runs` gives them."""
    curve: dict[int, dict[float, str]] = {}
    played = runs[(runs["defense"] == "none") & (runs["attack"] == attack)]
    for seed, options, stages in zip(played["seed"], played["attack_options"], played["stages"], strict=True):
        if set(options) == {SHARE}:
            curve.setdefault(int(seed), {})[float(options[SHARE])] = stages["evaluate"]
    return curve


def _estimate(scored: LevelScore, curve: Mapping[int, Mapping[float, str]]) -> Estimate | None:
    """Return the worth over some seeds at the shares that all have; None where answers are missing."""
    shares = sorted(set.intersection(*(set(points) for points in curve.values())))
    ends = [scored.evaluations[seed] for seed in curve]
    points = {
        0.0: [end.baseline for end in ends],
        **{share: [by_share[share] for by_share in curve.values()] for share in shares},
        1.0: [end.clean for end in ends],
    }
    means = {share: average_scores(evaluations) for share, evaluations in points.items()}
    attacked = average_scores([end.attacked for end in ends])
    known = {share: table for share, table in means.items() if table is not None}
    if attacked is None or len(known) < len(means):
        return None
    scores = {share: table["score"].reindex(attacked.index).to_numpy() for share, table in known.items()}
    if any(np.isnan(values).any() for values in scores.values()):
        return None
    return estimate_worth(scores, attacked["score"].to_numpy(), attacked["image_id"].to_numpy())


def average_scores(evaluations: Sequence[str]) -> pd.DataFrame | None:
    """Return the picture and the mean score of each test item over evaluations; None where answers are missing."""
    tables = [load_scores(evaluation) for evaluation in evaluations]
    present = [table for table in tables if table is not None]
    if len(present) < len(tables):
        return None
    score = pd.concat([table["score"] for table in present], axis=1, join="inner").mean(axis=1)
    return present[0].loc[score.index].assign(score=score)
