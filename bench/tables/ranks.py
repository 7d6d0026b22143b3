"""Who stands where: which defenses are listed or verified, and which of them tie."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from bench.scoring import stats
from bench.scoring.protection import LISTED_SEEDS, VERIFIED_SEEDS
from leaderboard import files

ALPHA = 1 - stats.LEVEL


def standings(entries: pd.DataFrame) -> pd.DataFrame:
    """The entries of `data.ranking` with `status` and `rank`: listed ones first, best first, then the others.

    rank: "1", or "=1" of those that tie; "" of a defense whose worst case has too few seeds to be listed.
    """
    enough = entries["seeds"] >= LISTED_SEEDS
    listed = entries[enough].reset_index(drop=True)
    ranks = stats.tied(differences(listed))
    shared = [f"={rank}" if ranks.count(rank) > 1 else str(rank) for rank in ranks]
    status = ["verified" if seeds >= VERIFIED_SEEDS else "listed" for seeds in listed["seeds"]]
    rest = entries[~enough]
    few = [f"not yet listed ({seeds} seed{'s' if seeds > 1 else ''})" for seeds in rest["seeds"]]
    placed = [listed.assign(rank=shared, status=status), rest.assign(rank="", status=few)]
    return pd.concat([part for part in placed if not part.empty] or placed[:1], ignore_index=True)


def differences(entries: pd.DataFrame) -> np.ndarray:
    """(K, K) whether two entries differ: paired tests of their test answers, Holm-adjusted over all pairs.

    Where the answers to the same questions under enough common seeds are not at hand: intervals that do not overlap.
    """
    answers = [_answers(stages) for stages in entries["answers"]]
    pairs = list(combinations(range(len(entries)), 2))
    found = {pair: p for pair in pairs if (p := _compare(answers[pair[0]], answers[pair[1]])) is not None}
    adjusted = dict(zip(found, stats.holm(list(found.values())), strict=True))
    different = np.zeros((len(entries), len(entries)), bool)
    low, high = entries["low"].to_numpy(), entries["high"].to_numpy()
    for one, other in pairs:
        apart = bool(low[one] > high[other] or low[other] > high[one])
        different[one, other] = different[other, one] = adjusted.get((one, other), float(not apart)) <= ALPHA
    return different


def _answers(stages: Mapping[int, Mapping[str, str]]) -> dict[int, pd.DataFrame]:
    """By seed: image_id and score of each test item, by its id; without the seeds whose answers are not here."""
    tables = {seed: files.scores(each) for seed, each in stages.items()}
    return {seed: table for seed, table in tables.items() if table is not None}


def _compare(one: Mapping[int, pd.DataFrame], other: Mapping[int, pd.DataFrame]) -> float | None:
    """p of the difference of two entries' mean scores; None where too little can be paired."""
    seeds = sorted(set(one) & set(other))
    tables = [side[seed] for side in (one, other) for seed in seeds]
    if len(seeds) < LISTED_SEEDS or any(set(table.index) != set(tables[0].index) for table in tables):
        return None
    scores = np.stack([table["score"].reindex(tables[0].index).to_numpy() for table in tables])
    return stats.paired(scores[: len(seeds)] - scores[len(seeds) :], tables[0]["image_id"].to_numpy())
