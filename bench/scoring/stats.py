"""Intervals and tests of scores that are paired by item and clustered by picture, over one or several seeds.

Scores are floats in [0, 1], and each seed is a row: (S, N). docs/design/statistics.md explains the methods and measures
how often they are right.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, chdtri, ndtr, ndtri, stdtr, stdtrit

RESAMPLES = 4000
LEVEL = 0.95
GRID = 400
"""Number of plausible seed variances that a p is averaged over."""

CHUNK = 2**17
"""Pictures drawn at a time: few enough for a processor's cache."""


class Estimate(NamedTuple):
    """A number and its 95 % interval.

    >>> print(Estimate(0.632, 0.57, 0.69))
    +0.63 [+0.57, +0.69]
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it as people read it, with two digits; format() would see a tuple otherwise."""
        return "{:+.2f} [{:+.2f}, {:+.2f}]".format(*self)


class VarianceSources(NamedTuple):
    """The variance of a mean over pictures and seeds, by source.

    pictures: the variance over pictures, for the given seeds. seeds: the *observed* variance over seeds. It includes
    `noise`, the part by which runs differ on a finite number of pictures even if their seeds do not matter.
    """

    pictures: float
    seeds: float
    noise: float
    n_pictures: int
    n_seeds: int

    def plausible_seed_variance(self, number: int) -> np.ndarray:
        """Return (number,) variances that the seeds may add to `pictures`, at even quantiles of their distribution.

        A few seeds say little about their variance: observed / true is distributed as chi-square / (S - 1) with S - 1
        degrees of freedom. So the true variance is plausibly observed / (chi-square / (S - 1)), less the noise, and 0
        if that is negative (generalised pivot: Weerahandi, Journal of the American Statistical Association 88, 1993).
        For one seed, which says nothing about others, all are 0.
        """
        freedom = self.n_seeds - 1
        if freedom == 0:
            return np.zeros(number)
        chi = chdtri(freedom, (np.arange(number) + 0.5) / number) / freedom
        variances: np.ndarray = np.maximum(0, self.seeds / chi - self.noise)
        return variances


def variance_sources(values: np.ndarray, clusters: np.ndarray) -> VarianceSources:
    """Split the variance of the mean of `values` (S, N) by source; clusters: (N,) picture of each item.

    This is a two-way crossed analysis of variance. It uses sums over pictures, so pictures may have different numbers
    of items.
    """
    sums, sizes = _by_picture(np.atleast_2d(values), clusters)
    seeds, pictures, items = len(sums), len(sizes), sizes.sum()
    means = sums.sum(1) / items
    deviations = sums.mean(0) - means.mean() * sizes
    if pictures == 1:
        return VarianceSources(np.inf, 0.0, 0.0, 1, seeds)
    correction = pictures / (pictures - 1)
    picture_variance = correction * float(deviations @ deviations) / items**2
    if seeds == 1:
        return VarianceSources(picture_variance, 0.0, 0.0, pictures, 1)
    residuals = sums - sums.mean(0) - np.outer(means - means.mean(), sizes)
    noise = correction * float((residuals**2).sum()) / (seeds * (seeds - 1) * items**2)
    return VarianceSources(picture_variance, float(means.var(ddof=1)) / seeds, noise, pictures, seeds)


def bootstrap_means(values: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (RESAMPLES, K) means of K paired rows (K, N): pictures are drawn with replacement, with all items."""
    sums, sizes = _by_picture(values, clusters)
    sums_and_sizes, pictures = np.vstack([sums, sizes]), len(sizes)
    means, rows = [], max(1, CHUNK // pictures)
    for start in range(0, RESAMPLES, rows):
        count = min(rows, RESAMPLES - start)
        drawn = rng.integers(0, pictures, (count, pictures)) + pictures * np.arange(count)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=count * pictures).reshape(count, pictures)
        drawn_sums = weights.astype(float) @ sums_and_sizes.T
        means.append(drawn_sums[:, :-1] / drawn_sums[:, -1:])
    return np.concatenate(means)


def interval(value: float, draws: np.ndarray, sources: VarianceSources, rng: np.random.Generator) -> Estimate:
    """Return `value` with the percentile interval of `draws` over pictures, widened by the plausible seed variance.

    sources: those of the value or of its linearisation. With one picture the interval is infinite. The percentiles lie
    a little further out than 2.5 and 97.5, by as much as Student's t does for this number of pictures ("expanded
    percentiles": Hesterberg, The American Statistician 69, 2015).
    """
    if sources.n_pictures == 1:
        return Estimate(value, -np.inf, np.inf)
    if sources.n_seeds > 1:
        normal = ndtri((np.arange(len(draws)) + 0.5) / len(draws))
        draws = draws + rng.permutation(normal) * rng.permutation(np.sqrt(sources.plausible_seed_variance(len(draws))))
    freedom = sources.n_pictures - 1
    outside = float(ndtr(stdtrit(freedom, (1 - LEVEL) / 2) * np.sqrt(sources.n_pictures / freedom)))
    low, high = np.quantile(draws, [outside, 1 - outside])
    return Estimate(value, float(low), float(high))


def mean(values: np.ndarray, clusters: np.ndarray, seed: int = 0) -> Estimate:
    """Return the mean of scores (S, N), or of differences of paired scores, with its interval over pictures and seeds.

    >>> estimate = mean(np.array([[0.0, 1.0] * 50]), clusters=np.arange(100))
    >>> estimate.value, round(estimate.low, 1), round(estimate.high, 1)
    (0.5, 0.4, 0.6)
    """
    rng, values = np.random.default_rng(seed), np.atleast_2d(values)
    draws = bootstrap_means(values.mean(0)[None], clusters, rng)[:, 0]
    return interval(float(values.mean()), draws, variance_sources(values, clusters), rng)


def paired_test(differences: np.ndarray, clusters: np.ndarray) -> float:
    """Return the two-sided p that the mean of paired differences (S, N) is 0.

    It is Student's t test over pictures, averaged over the plausible seed variances.
    """
    sources, value = variance_sources(differences, clusters), abs(float(np.mean(differences)))
    if value == 0 or sources.n_pictures == 1:
        return 1.0
    error = np.sqrt(sources.pictures + sources.plausible_seed_variance(GRID))
    t = np.divide(value, error, out=np.full_like(error, np.inf), where=error > 0)
    return float(2 * stdtr(sources.n_pictures - 1, -t).mean())


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Return the exact two-sided p that paired 0/1 answers (N,) to independent items are right equally often.

    Source: McNemar, 1947.
    """
    only_first, only_second = int(np.sum(first > second)), int(np.sum(first < second))
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def rank_with_ties(different: np.ndarray) -> list[int]:
    """Return the ranks, from 1, of entries that are sorted best first; different: (K, K), True for significant pairs.

    An entry shares the rank of its group's first entry if it does not differ from that one. The next entry that does
    begins a new group with the next rank. So copies of an entry, which tie with it, move no other entry.

    >>> rank_with_ties(np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]], bool))
    [1, 1, 2]
    """
    ranks: list[int] = []
    first = 0
    for place in range(len(different)):
        if different[first, place]:
            first = place
            ranks.append(ranks[-1] + 1)
        else:
            ranks.append(ranks[-1] if ranks else 1)
    return ranks


def _by_picture(values: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of (K, N) over the items of each of G pictures, (K, G), and the numbers of those items, (G,)."""
    names, inverse = np.unique(clusters, return_inverse=True)
    return np.stack([np.bincount(inverse, row, len(names)) for row in values]), np.bincount(inverse)
