"""Intervals and tests of scores that are paired by item and clustered by picture, over one or several seeds.

Scores are floats in [0, 1]; the answers of several seeds are rows: (S, N). What is computed, why, and how often it is
right: docs/design/statistics.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, chdtri, ndtr, ndtri, stdtr, stdtrit

RESAMPLES = 4000
LEVEL = 0.95
GRID = 400
"""Values over which a p averages what seeds plausibly add."""

CHUNK = 2**17
"""Pictures that are drawn at a time: few enough for a processor's cache."""


class Estimate(NamedTuple):
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


class Sources(NamedTuple):
    """Where the variance of a mean over pictures and seeds comes from.

    pictures: that of the mean over pictures, seeds as they are; seeds: of the mean over seeds, *as observed*, that is
    with the part `noise` that two runs differ by on a finite number of pictures even if their seeds do not matter.
    """

    pictures: float
    seeds: float
    noise: float
    n_pictures: int
    n_seeds: int

    def plausible(self, number: int) -> np.ndarray:
        """(number,) what the seeds may add to `pictures`, evenly over what their observed spread leaves possible.

        S seeds say little about their variance: observed / true is chi-square with S - 1 degrees of freedom, over
        S - 1. True values are therefore observed / chi-square, less the noise (generalised pivot: Weerahandi, Journal
        of the American Statistical Association 88, 1993). All 0 for one seed, which says nothing about others.
        """
        free = self.n_seeds - 1
        if free == 0:
            return np.zeros(number)
        chi = chdtri(free, (np.arange(number) + 0.5) / number) / free
        return np.maximum(0, self.seeds / chi - self.noise)


def sources(values: np.ndarray, clusters: np.ndarray) -> Sources:
    """The variance of the mean of `values` (S, N), by source; clusters: (N,) picture of each item.

    Two-way crossed, from sums over pictures, so that pictures may have different numbers of items.
    """
    sums, sizes = _by_picture(np.atleast_2d(values), clusters)
    seeds, pictures, items = len(sums), len(sizes), sizes.sum()
    means = sums.sum(1) / items
    away = sums.mean(0) - means.mean() * sizes
    if pictures == 1:
        return Sources(np.inf, 0.0, 0.0, 1, seeds)
    small = pictures / (pictures - 1)
    of_pictures = small * float(away @ away) / items**2
    if seeds == 1:
        return Sources(of_pictures, 0.0, 0.0, pictures, 1)
    rest = sums - sums.mean(0) - np.outer(means - means.mean(), sizes)
    noise = small * float((rest**2).sum()) / (seeds * (seeds - 1) * items**2)
    return Sources(of_pictures, float(means.var(ddof=1)) / seeds, noise, pictures, seeds)


def resampled(values: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(RESAMPLES, K) means of K paired rows (K, N): pictures drawn with replacement, with all their items."""
    sums, sizes = _by_picture(values, clusters)
    both, pictures = np.vstack([sums, sizes]), len(sizes)
    means, rows = [], max(1, CHUNK // pictures)
    for start in range(0, RESAMPLES, rows):
        many = min(rows, RESAMPLES - start)
        drawn = rng.integers(0, pictures, (many, pictures)) + pictures * np.arange(many)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=many * pictures).reshape(many, pictures)
        drawn_sums = weights.astype(float) @ both.T
        means.append(drawn_sums[:, :-1] / drawn_sums[:, -1:])
    return np.concatenate(means)


def interval(value: float, draws: np.ndarray, found: Sources, rng: np.random.Generator) -> Estimate:
    """`value` with the percentile interval of `draws` over pictures, each moved by what the seeds plausibly add.

    found: the sources of the value, or of its linearisation. One picture says nothing: its interval has no end.
    Percentiles are a little further out than 2.5 and 97.5, as Student's t is with so many pictures ("expanded
    percentiles": Hesterberg, The American Statistician 69, 2015).
    """
    if found.n_pictures == 1:
        return Estimate(value, -np.inf, np.inf)
    if found.n_seeds > 1:
        normal = ndtri((np.arange(len(draws)) + 0.5) / len(draws))
        draws = draws + rng.permutation(normal) * rng.permutation(np.sqrt(found.plausible(len(draws))))
    free = found.n_pictures - 1
    outside = float(ndtr(stdtrit(free, (1 - LEVEL) / 2) * np.sqrt(found.n_pictures / free)))
    low, high = np.quantile(draws, [outside, 1 - outside])
    return Estimate(value, float(low), float(high))


def mean(values: np.ndarray, clusters: np.ndarray, seed: int = 0) -> Estimate:
    """Mean of scores (S, N), or of differences of paired scores, with its interval over pictures and seeds."""
    rng, values = np.random.default_rng(seed), np.atleast_2d(values)
    draws = resampled(values.mean(0)[None], clusters, rng)[:, 0]
    return interval(float(values.mean()), draws, sources(values, clusters), rng)


def paired(differences: np.ndarray, clusters: np.ndarray) -> float:
    """Two-sided p that the mean of paired differences (S, N) is 0: Student's t over pictures and plausible seeds."""
    found, value = sources(differences, clusters), abs(float(np.mean(differences)))
    if value == 0 or found.n_pictures == 1:
        return 1.0
    error = np.sqrt(found.pictures + found.plausible(GRID))
    t = np.divide(value, error, out=np.full_like(error, np.inf), where=error > 0)
    return float(2 * stdtr(found.n_pictures - 1, -t).mean())


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided p that paired 0/1 answers (N,) to N unrelated items are right equally often (McNemar, 1947)."""
    only_first, only_second = int(np.sum(first > second)), int(np.sum(first < second))
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Step-down adjusted p (Holm, 1979): below 5 % anywhere in the table by chance alone at most 5 % of the time."""
    p = np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, stepped)
    return adjusted


def tied(different: np.ndarray) -> list[int]:
    """Ranks from 1 of entries in order, best first; different: (K, K), whether two of them differ significantly.

    An entry shares the rank of a group's first as long as it does not differ from that one; the next one that does
    begins a new group, with the rank of its place.
    """
    ranks: list[int] = []
    for place in range(len(different)):
        first = ranks[-1] - 1 if ranks else place
        ranks.append(place + 1 if place == first or different[first, place] else first + 1)
    return ranks


def _by_picture(values: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of (K, N) over the items of each picture, (K, G), and the number of those items, (G,)."""
    names, inverse = np.unique(clusters, return_inverse=True)
    return np.stack([np.bincount(inverse, row, len(names)) for row in values]), np.bincount(inverse)
