"""Power analysis before a run: the smallest difference that it would probably show (minimum detectable effect).

The differences are between two accuracies. Divide by the clean gain to get differences of `protection`.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtri, chdtri, ndtr

from bench.scoring.stats import GRID, LEVEL, VarianceSources

POWER = 0.8
ALPHA = 1 - LEVEL
_GRID = 60


class StudyDesign(NamedTuple):
    """A test set and the runs that answer it.

    items: number of items. per_image: items about one picture. within: correlation of a model's scores of two items
    about one picture (0: independent, 1: they count as one). seeds: number of seeds. seed_sd: standard deviation of a
    run's accuracy over seeds. accuracy: roughly the expected one (0.5 is the hardest). agreement: correlation of two
    runs' scores of the same items.
    """

    items: int
    per_image: int = 1
    within: float = 1.0
    seeds: int = 1
    seed_sd: float = 0.02
    accuracy: float = 0.5
    agreement: float = 0.5


def detectable_paired(design: StudyDesign) -> float:
    """Return the smallest difference of two models on the same items that `stats.paired_test` finds 4 times in 5.

    >>> round(detectable_paired(StudyDesign(items=960)), 3)
    0.045
    """
    item = 2 * _accuracy_variance(design) * (1 - design.agreement) / design.seeds
    return _detectable(item, item, design)


def detectable_unpaired(design: StudyDesign) -> float:
    """Return the same for two models with different test sets, or whose answers were not kept."""
    noise = 2 * _accuracy_variance(design) * (1 - design.agreement) / design.seeds
    return _detectable(noise + 2 * _accuracy_variance(design) * design.agreement, noise, design)


def detectable_at_best(items: int) -> float:
    """Return the smallest difference that the luckiest pairing of one run's independent 0/1 answers could show.

    In that pairing, all answers that differ between the models differ in the same direction. The result is the share of
    such answers for which the exact McNemar test finds a difference 4 times in 5.
    """
    needed = int(np.ceil(np.log2(2 / ALPHA)))
    return float(bdtri(needed - 1, items, 1 - POWER))


def _accuracy_variance(design: StudyDesign) -> float:
    """Return the variance of one accuracy over pictures: binomial, times the design effect of items on one picture."""
    design_effect = 1 + (design.per_image - 1) * design.within
    return design.accuracy * (1 - design.accuracy) * design_effect / design.items


def _detectable(pictures: float, noise: float, design: StudyDesign) -> float:
    """Return the difference that `stats.paired_test` rejects with probability POWER, for normal means.

    The observed spread of the seeds varies around the true one (chi-square). The test needs a larger difference when it
    observes a larger spread, so its power is averaged over the possible observations.
    """
    true = 2 * design.seed_sd**2 / design.seeds if design.seeds > 1 else 0.0
    error = (pictures + true) ** 0.5
    expected = VarianceSources(pictures, true + noise, noise, design.items, design.seeds)
    quantiles = (np.arange(_GRID) + 0.5) / _GRID if design.seeds > 1 else [0.5]
    critical = np.array([_critical_difference(_at_quantile(expected, quantile)) for quantile in quantiles])

    def power(difference: float) -> float:
        return float(np.mean(ndtr((difference - critical) / error) + ndtr((-difference - critical) / error)))

    return float(brentq(lambda difference: power(difference) - POWER, 0, 20 * critical.max()))


def _at_quantile(expected: VarianceSources, quantile: float) -> VarianceSources:
    """Return the sources with this quantile of the observed variance over seeds."""
    freedom = max(1, expected.n_seeds - 1)
    return expected._replace(seeds=expected.seeds * float(chdtri(freedom, 1 - quantile)) / freedom)


def _critical_difference(observed: VarianceSources) -> float:
    """Return the difference whose two-sided p is ALPHA."""
    error = np.sqrt(observed.pictures + observed.plausible_seed_variance(GRID))
    return float(brentq(lambda size: 2 * ndtr(-size / error).mean() - ALPHA, 0, 1e3 * error.max()))
