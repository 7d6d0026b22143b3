"""Before a run: the smallest difference that it would probably show (minimum detectable effect).

The differences are those of two accuracies; of `protection` it is that share of the clean gain: divide by the gain.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtri, chdtri, ndtr

from bench.scoring.stats import GRID, LEVEL, Sources

POWER = 0.8
ALPHA = 1 - LEVEL
_GRID = 60


class Plan(NamedTuple):
    """A test set and how it will be answered.

    items; per_image: of them about one picture; within: how alike what a model does to two items of one picture is (0:
    unrelated, 1: they count as one); seeds; seed_sd: standard deviation of a run's accuracy over seeds; accuracy:
    about what is expected (0.5 is the hardest); agreement: correlation of two runs' answers to the same items.
    """

    items: int
    per_image: int = 1
    within: float = 1.0
    seeds: int = 1
    seed_sd: float = 0.02
    accuracy: float = 0.5
    agreement: float = 0.5


def paired(plan: Plan) -> float:
    """Smallest difference of two models' accuracies on the same items that `stats.paired` finds 4 times in 5."""
    item = 2 * _item(plan) * (1 - plan.agreement) / plan.seeds
    return _detectable(item, item, plan)


def unpaired(plan: Plan) -> float:
    """The same where each model has a test set of its own, or the answers were not kept."""
    alone = 2 * _item(plan) * (1 - plan.agreement) / plan.seeds
    return _detectable(alone + 2 * _item(plan) * plan.agreement, alone, plan)


def at_best(items: int) -> float:
    """The least that any pairing of one run's unrelated 0/1 answers could show: all that change, change the same way.

    The share of changed answers for which exact McNemar finds so many 4 times in 5.
    """
    needed = int(np.ceil(np.log2(2 / ALPHA)))
    return float(bdtri(needed - 1, items, 1 - POWER))


def _item(plan: Plan) -> float:
    """Variance of one accuracy over pictures: binomial, times the design effect of several items a picture."""
    design = 1 + (plan.per_image - 1) * plan.within
    return plan.accuracy * (1 - plan.accuracy) * design / plan.items


def _detectable(pictures: float, noise: float, plan: Plan) -> float:
    """The difference that the test of `stats.paired` rejects with probability POWER, for normal means.

    Seeds are observed to spread by more or less than they do (chi-square); the test asks for a larger difference when
    they spread more, so its power is averaged over what may be observed.
    """
    true = 2 * plan.seed_sd**2 / plan.seeds if plan.seeds > 1 else 0.0
    error = (pictures + true) ** 0.5
    middle = Sources(pictures, true + noise, noise, plan.items, plan.seeds)
    shares = (np.arange(_GRID) + 0.5) / _GRID if plan.seeds > 1 else [0.5]
    asked = np.array([_critical(_spread(middle, share)) for share in shares])

    def power(difference: float) -> float:
        return float(np.mean(ndtr((difference - asked) / error) + ndtr((-difference - asked) / error)))

    return float(brentq(lambda difference: power(difference) - POWER, 0, 20 * asked.max()))


def _spread(middle: Sources, share: float) -> Sources:
    """The sources with a spread of the seeds that a share of experiments stays under."""
    free = max(1, middle.n_seeds - 1)
    return middle._replace(seeds=middle.seeds * float(chdtri(free, 1 - share)) / free)


def _critical(found: Sources) -> float:
    """The difference whose two-sided p is ALPHA."""
    error = np.sqrt(found.pictures + found.plausible(GRID))
    return float(brentq(lambda size: 2 * ndtr(-size / error).mean() - ALPHA, 0, 1e3 * error.max()))
