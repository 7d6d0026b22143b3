"""How often intervals hold the truth and tests find what is not there, by simulation: python studies/intervals.py

Prints the table of docs/design/statistics.md, one row a setting: python studies/intervals.py [REPETITIONS]
"""

import sys
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from bench.scoring import stats
from bench.scoring.protection import score

ZERO, CLEAN, PROTECTED = 0.2, 0.65, 0.5
"""Accuracies in the long run, over all items and seeds."""

TRUTH = 1 - (PROTECTED - ZERO) / (CLEAN - ZERO)
OF_PICTURE, OF_ITEM = 0.3, 0.4
"""Shares of an answer's variance that are the picture's and the item's, alike in all models; the rest is its own."""


class Setting(NamedTuple):
    """A test set, and `sd`: the standard deviation of a run's accuracy over seeds."""

    items: int
    per_image: int
    seeds: int
    sd: float


class Rates(NamedTuple):
    """Coverage of 95 % intervals of a difference and of `protection`; of the same, seeds resampled; false positives."""

    difference: float
    protection: float
    resampled_seeds: float
    paired: float
    mcnemar: float


SETTINGS = [
    Setting(items, per_image, seeds, sd)
    for items, per_image, seeds in product((150, 300, 1000), (1, 3), (1, 3, 5))
    for sd in ((0, 0.02, 0.05) if seeds > 1 else (0,))
]


def answers(setting: Setting, accuracies: list[float], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """0/1 answers (K, S, N) of K models with these accuracies, and (N,) the picture of each item.

    An answer is right where a standard normal variable is under a threshold; items and pictures are equally hard for
    all models, every (model, seed) is somewhat better or worse on all items.
    """
    items, per_image, seeds, sd = setting
    pictures, threshold = np.arange(items) // per_image, norm.ppf(accuracies)[:, None, None]
    spread = sd / norm.pdf(threshold)
    picture = rng.standard_normal(pictures[-1] + 1)[pictures] * OF_PICTURE**0.5
    item = rng.standard_normal(items) * OF_ITEM**0.5
    own = rng.standard_normal((len(accuracies), seeds, items)) * np.sqrt(1 - OF_PICTURE - OF_ITEM - spread**2)
    return (
        picture + item + own + rng.standard_normal((len(accuracies), seeds, 1)) * spread < threshold
    ) * 1.0, pictures


def crossed(differences: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> stats.Estimate:
    """What we do not do: percentiles over resampled pictures and resampled seeds."""
    chosen = rng.integers(0, len(differences), (stats.RESAMPLES, len(differences)))
    per_seed = stats.resampled(differences, clusters, rng)
    draws = np.take_along_axis(per_seed, chosen, axis=1).mean(1)
    return stats.Estimate(float(differences.mean()), *np.quantile(draws, [0.025, 0.975]).tolist())


def held(setting: Setting, rng: np.random.Generator) -> Iterator[bool]:
    """Which intervals of one test set hold the truth, in the order of `Rates`."""
    (clean, protected), pictures = answers(setting, [CLEAN, PROTECTED], rng)
    zero = (rng.random(setting.items) < ZERO) * 1.0
    for estimate, truth in (
        (stats.mean(clean - protected, pictures), CLEAN - PROTECTED),
        (score(zero, clean, protected, pictures).protection, TRUTH),
        (crossed(clean - protected, pictures, rng), CLEAN - PROTECTED),
    ):
        yield estimate is not None and estimate.low <= truth <= estimate.high


def found(setting: Setting, rng: np.random.Generator) -> Iterator[bool]:
    """Which tests find a difference of two models that are equally good, in the order of `Rates`."""
    (first, second), pictures = answers(setting, [CLEAN, CLEAN], rng)
    yield stats.paired(first - second, pictures) <= 0.05
    yield stats.mcnemar(first[0], second[0]) <= 0.05


def simulate(setting: Setting, repetitions: int, seed: int = 0) -> Rates:
    """Shares of the repetitions; of four times as many for the tests, which are quick."""
    rng = np.random.default_rng([seed, setting.items, setting.per_image, setting.seeds, round(1000 * setting.sd)])
    coverage = np.mean([list(held(setting, rng)) for _ in range(repetitions)], axis=0)
    positives = np.mean([list(found(setting, rng)) for _ in range(4 * repetitions)], axis=0)
    return Rates(*coverage.tolist(), *positives.tolist())


def main(repetitions: int) -> None:
    """Print the table; a quarter of the usual resamples, for the time it takes."""
    stats.RESAMPLES = 1000
    titles = ["items", "per image", "seeds", "sd", "difference", "protection", "seeds resampled", "paired", "McNemar"]
    print("| " + " | ".join(titles) + " |\n|" + "---|" * len(titles))
    for setting in SETTINGS:
        rates = simulate(setting, repetitions)
        row = [*map(str, setting[:3]), f"{100 * setting.sd:.0f}", *(f"{100 * rate:.1f}" for rate in rates)]
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
