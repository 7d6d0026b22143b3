"""The score: the share of the fine-tuning gain that a defense took away, and its interval."""

from typing import NamedTuple

import numpy as np

from bench.scoring.stats import Estimate, bootstrap_means, interval, variance_sources

ELIGIBLE_GAIN = 0.10
"""The smallest clean gain from which protection is computed for a ranking."""

LISTED_SEEDS = 3
"""Seeds of its worst case that a defense needs to be ranked."""

VERIFIED_SEEDS = 5
"""Seeds from which a rank counts as verified."""


class Score(NamedTuple):
    """protection = 1 - (U - U0) / (Uc - U0), never clipped; `eligible`: the clean gain is real and large enough."""

    protection: Estimate | None
    gain: Estimate
    eligible: bool


def score(zero: np.ndarray, clean: np.ndarray, protected: np.ndarray, clusters: np.ndarray, seed: int = 0) -> Score:
    """Compute the score from paired answers to the same items.

    zero: (N,) scores in [0, 1]; clean, protected: (S, N), one row a seed, paired; clusters: (N,) picture of each item.
    Intervals: bootstrap over pictures, each with all its items, widened by what several seeds add.
    `protection` is None if the interval of the clean gain over pictures, for these very seeds, reaches 0: the ratio
    then means nothing.

    >>> right = np.array([[1.0, 0.0] * 50])
    >>> result = score(zero=0 * right[0], clean=0 * right + 1, protected=right, clusters=np.arange(100))
    >>> result.protection.value, result.gain.value, result.eligible
    (0.5, 1.0, True)
    """
    rng = np.random.default_rng(seed)
    u0, uc, u = bootstrap_means(np.stack([zero, clean.mean(0), protected.mean(0)]), clusters, rng).T
    exact_gain = float(clean.mean() - zero.mean())
    gain = interval(exact_gain, uc - u0, variance_sources(clean - zero, clusters), rng)
    if interval(exact_gain, uc - u0, variance_sources(clean.mean(0) - zero, clusters), rng).low <= 0:
        return Score(None, gain, eligible=False)
    kept = float(protected.mean() - zero.mean()) / exact_gain
    valid = uc > u0  # nearly all draws: the interval above is above 0
    draws = 1 - (u[valid] - u0[valid]) / (uc[valid] - u0[valid])
    linear = (kept * (clean - zero) - (protected - zero)) / exact_gain
    protection = interval(1 - kept, draws, variance_sources(linear, clusters), rng)
    return Score(protection, gain, eligible=exact_gain >= ELIGIBLE_GAIN and gain.low > 0)
