"""The score: which share of the fine-tuning gain a defense took away, and how sure we are of it."""

from typing import NamedTuple

import numpy as np

RESAMPLES = 4000
ELIGIBLE_GAIN = 0.10


class Estimate(NamedTuple):
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


class Score(NamedTuple):
    """protection = 1 - (U - U0) / (Uc - U0), never clipped; `eligible`: the clean gain is real and large enough."""

    protection: Estimate | None
    gain: Estimate
    eligible: bool


def score(zero: np.ndarray, clean: np.ndarray, protected: np.ndarray, clusters: np.ndarray, seed: int = 0) -> Score:
    """Score of paired answers to the same items.

    zero: (N,) 0/1; clean, protected: (S, N) 0/1, one row a seed, paired; clusters: (N,) picture of each item.
    Intervals: bootstrap over pictures (all items of a picture together) and, with several seeds, over seeds.
    `protection` is None where the clean gain's interval reaches 0 and the ratio means nothing.
    """
    names, inverse = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(inverse)
    sums = [
        np.stack([np.bincount(inverse, row, len(names)) for row in np.atleast_2d(a)]) for a in (zero, clean, protected)
    ]
    rng = np.random.default_rng(seed)
    seeds = len(sums[1])
    gains, losses = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for b in range(RESAMPLES):
        weight = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        chosen = rng.integers(0, seeds, seeds)
        total = weight @ sizes
        u0, uc, u = sums[0] @ weight / total, sums[1][chosen] @ weight / total, sums[2][chosen] @ weight / total
        gains[b], losses[b] = uc.mean() - u0.mean(), u.mean() - u0.mean()
    exact_gain = float(clean.mean() - zero.mean())
    gain = Estimate(exact_gain, *(float(q) for q in np.quantile(gains, [0.025, 0.975])))
    if gain.low <= 0:
        return Score(None, gain, eligible=False)
    value = 1 - float(protected.mean() - zero.mean()) / exact_gain
    real = gains > 0  # nearly all: the gain's own interval is above 0
    low, high = (float(q) for q in np.quantile(1 - losses[real] / gains[real], [0.025, 0.975]))
    return Score(Estimate(value, low, high), gain, eligible=exact_gain >= ELIGIBLE_GAIN)
