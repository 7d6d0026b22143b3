"""The leaderboard: each defense by its worst case, whether it is listed or verified, and which defenses tie."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from bench.scoring import stats
from bench.scoring.protection import LISTED_SEEDS, VERIFIED_SEEDS
from bench.tables.answers import load_scores
from defenses import REGISTRY as DEFENSES

ALPHA = 1 - stats.LEVEL


def compute_ranking(cells: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each defense, best first: its worst case, and in `attacks` how many attacks it has met."""
    worst = cells[cells["worst"]].copy()
    worst["attacks"] = worst["defense_label"].map(cells["defense_label"].value_counts())
    return worst.sort_values("protection", ascending=False, kind="stable").reset_index(drop=True)


def compute_leaderboard(ranking: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the leaderboard: defenses with their standings, then the controls, which have no rank.

    The release without a defense is left out.
    """
    controls = ranking["defense"].isin(DEFENSES.controls - {"none"})
    standings = compute_standings(ranking[(ranking["defense"] != "none") & ~controls])
    return pd.concat([standings, ranking[controls].assign(rank="", status="control")], ignore_index=True)


def compute_standings(ranking: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a ranking with `status` and `rank`: listed defenses first, best first, then the others.

    rank: "1", or "=1" where defenses tie; "" for a defense whose worst case has too few seeds to be listed.
    """
    enough = ranking["seeds"] >= LISTED_SEEDS
    listed = ranking[enough].reset_index(drop=True)
    ranks = stats.rank_with_ties(find_differences(listed))
    texts = [f"={rank}" if ranks.count(rank) > 1 else str(rank) for rank in ranks]
    status = ["verified" if seeds >= VERIFIED_SEEDS else "listed" for seeds in listed["seeds"]]
    unlisted = ranking[~enough]
    too_few = [f"not yet listed ({seeds} seed{'s' if seeds > 1 else ''})" for seeds in unlisted["seeds"]]
    parts = [listed.assign(rank=texts, status=status), unlisted.assign(rank="", status=too_few)]
    return pd.concat([part for part in parts if not part.empty] or parts[:1], ignore_index=True)


def find_differences(ranking: pd.DataFrame) -> np.ndarray:
    """Return (K, K) booleans, True where two defenses differ significantly.

    Their test answers are compared in paired tests, Holm-adjusted over all pairs. Where the answers to the same
    questions under enough common seeds are not on this machine, two defenses differ if their intervals do not overlap.
    """
    answers = [_load_answers(stages) for stages in ranking["answers"]]
    pairs = list(combinations(range(len(ranking)), 2))
    values = {}
    for first, second in pairs:
        value = _p_value(answers[first], answers[second])
        if value is not None:
            values[first, second] = value
    adjusted = dict(zip(values, stats.holm(list(values.values())), strict=True))
    different = np.zeros((len(ranking), len(ranking)), bool)
    low, high = ranking["low"].to_numpy(), ranking["high"].to_numpy()
    for first, second in pairs:
        if (first, second) in adjusted:
            differs = adjusted[first, second] <= ALPHA
        else:
            differs = bool(low[first] > high[second] or low[second] > high[first])
        different[[first, second], [second, first]] = differs
    return different


def order_attacks(cells: pd.DataFrame) -> list[str]:
    """Return the attacks of one game's cells, strongest first: by the mean protection that they leave."""
    return cells.groupby("attack_label")["protection"].mean().sort_values().index.tolist()


def _load_answers(stages: Mapping[int, Mapping[str, str]]) -> dict[int, pd.DataFrame]:
    """Return image_id and score of each test item, by seed; seeds whose answers are not here are left out."""
    tables = {seed: load_scores(run) for seed, run in stages.items()}
    return {seed: table for seed, table in tables.items() if table is not None}


def _p_value(first: Mapping[int, pd.DataFrame], second: Mapping[int, pd.DataFrame]) -> float | None:
    """Return p for the difference of two defenses' mean scores; None where too little can be paired."""
    seeds = sorted(set(first) & set(second))
    tables = [side[seed] for side in (first, second) for seed in seeds]
    if len(seeds) < LISTED_SEEDS or any(set(table.index) != set(tables[0].index) for table in tables):
        return None
    scores = np.stack([table["score"].reindex(tables[0].index).to_numpy() for table in tables])
    return stats.paired_test(scores[: len(seeds)] - scores[len(seeds) :], tables[0]["image_id"].to_numpy())
