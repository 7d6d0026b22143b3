"""Worth in clean pictures: the share of the owner's pictures that gives a trainer as much, clean, as a release."""

from collections.abc import Mapping

import numpy as np

from bench.scoring.stats import Estimate, bootstrap_means, interval, variance_sources


def read_share(accuracy: float, curve: Mapping[float, float]) -> float:
    """Return the share of clean pictures at which a clean learning curve reaches `accuracy`, in [0,1].

    `curve`: accuracy by share; it has 0, what a trainer reaches without any picture, and 1, all of the owner's. Points
    that fall below an earlier one are raised to it, and between points the curve is straight. The result lies in [0,1].

    >>> read_share(0.5, {0: 0.1, 0.5: 0.4, 1: 0.6})
    0.75
    >>> read_share(0.05, {0: 0.1, 1: 0.4}), read_share(0.9, {0: 0.1, 1: 0.4})
    (0.0, 1.0)
    """
    shares = sorted(curve)
    accuracies = np.maximum.accumulate([curve[share] for share in shares])
    rises = np.concatenate([[True], np.diff(accuracies) > 0])
    return float(np.interp(accuracy, accuracies[rises], np.array(shares)[rises]))


def estimate_worth(
    curve: Mapping[float, np.ndarray], attacked: np.ndarray, clusters: np.ndarray, seed: int = 0
) -> Estimate:
    """Return the share of clean pictures that a release is worth, with its 95 % interval over test pictures.

    curve: (N,) scores in [0,1] of the same N items by share, as in `read_share`. attacked: (N,) scores after training
    on the release. Scores of several seeds are averaged before. clusters: (N,) picture of each item.
    Release and curve are drawn together. What other seeds would give is not in the interval.
    """
    shares, rng = sorted(curve), np.random.default_rng(seed)
    scores = np.stack([*(curve[share] for share in shares), attacked])

    def read(means: np.ndarray) -> float:
        return read_share(means[-1], dict(zip(shares, means[:-1], strict=True)))

    draws = np.array([read(means) for means in bootstrap_means(scores, clusters, rng)])
    return interval(read(scores.mean(1)), draws, variance_sources(attacked, clusters), rng)
