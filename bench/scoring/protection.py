"""The score: the share of a release's value to a trainer that a defense destroyed, and its interval."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from bench.scoring.stats import Estimate, bootstrap_means, interval, variance_sources

ELIGIBLE_GAIN = 0.10
"""The smallest value of clean data, in accuracy above the baseline, from which protection is computed for a ranking."""

SEEDS = (0, 1, 2, 3, 4)
"""The seeds that are ranked: the suite's own, so that nobody chooses theirs."""

LISTED_SEEDS = 3
"""Seeds that a defense needs to be ranked."""

VERIFIED_SEEDS = 5
"""Seeds from which a rank counts as verified."""


class Score(NamedTuple):
    """protection = 1 - (U - B) / (Uc - B), never clipped, where Uc - B is the `gain` from clean data.

    `eligible`: the gain is real and large enough.
    """

    protection: Estimate | None
    gain: Estimate
    eligible: bool


def score(baseline: np.ndarray, clean: np.ndarray, protected: np.ndarray, clusters: np.ndarray, seed: int = 0) -> Score:
    """Compute the score from paired answers to the same items.

    clean, protected: (S, N) scores in [0, 1], one row a seed, paired: what the trainer reaches with clean data and with
    the release. baseline: (N,) or (S, N): what they reach without the content of the release. clusters: (N,) picture of
    each item.
    Intervals: bootstrap over pictures, each with all its items, widened by what several seeds add. The three models are
    drawn together, so the uncertainty of all three is in the interval.
    `protection` is None if the interval of the gain over pictures, for these very seeds, reaches 0: the ratio then
    means nothing.

    >>> right = np.array([[1.0, 0.0] * 50])
    >>> result = score(baseline=0 * right, clean=0 * right + 1, protected=right, clusters=np.arange(100))
    >>> result.protection.value, result.gain.value, result.eligible
    (0.5, 1.0, True)
    """
    rng, baseline = np.random.default_rng(seed), np.broadcast_to(baseline, clean.shape)
    b, uc, u = bootstrap_means(np.stack([baseline.mean(0), clean.mean(0), protected.mean(0)]), clusters, rng).T
    exact_gain = float(clean.mean() - baseline.mean())
    gain = interval(exact_gain, uc - b, variance_sources(clean - baseline, clusters), rng)
    if interval(exact_gain, uc - b, variance_sources((clean - baseline).mean(0), clusters), rng).low <= 0:
        return Score(None, gain, eligible=False)
    kept = float(protected.mean() - baseline.mean()) / exact_gain
    valid = uc > b  # nearly all draws: the interval above is above 0
    draws = 1 - (u[valid] - b[valid]) / (uc[valid] - b[valid])
    linear = (kept * (clean - baseline) - (protected - baseline)) / exact_gain
    protection = interval(1 - kept, draws, variance_sources(linear, clusters), rng)
    is_large = round(exact_gain, 9) >= ELIGIBLE_GAIN  # 1.0 - 0.9 is a little less than 0.1
    return Score(protection, gain, eligible=is_large and gain.low > 0)


def choose_baseline(baselines: Mapping[str, Mapping[str, float]]) -> str:
    """Return the role of the best baseline: the one with the highest accuracy on validation, of equal ones the first.

    >>> choose_baseline({"zero": {"test": 0.0, "validation": 0.1}, "format": {"test": 0.3, "validation": 0.2}})
    'format'
    """
    return max(baselines, key=lambda role: baselines[role]["validation"])
