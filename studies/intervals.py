"""Simulate how often intervals hold the truth and tests reject by mistake: python -m studies.intervals [REPETITIONS]

Prints the table of docs/design/statistics.md, one row for each setting.
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

PROTECTION = 1 - (PROTECTED - ZERO) / (CLEAN - ZERO)
PICTURE_SHARE, ITEM_SHARE = 0.3, 0.4
"""Shares of an answer's variance that come from the picture and from the item, equal for all models."""


class Setting(NamedTuple):
    """A test set, with the number of seeds and `sd`, the standard deviation of a run's accuracy over seeds."""

    items: int
    per_image: int
    seeds: int
    sd: float


class Rates(NamedTuple):
    """Coverage of 95 % intervals, then false positives of tests at 5 %, each in [0,1].

    difference, protection: the intervals of this suite. resampled_seeds: an interval of the difference that also
    resamples the seeds. paired, mcnemar: the tests of this suite.
    """

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


def simulate_answers(
    setting: Setting, accuracies: list[float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return 0/1 answers of K models with these accuracies, (K, seeds, items), and the picture of each item, (items,).

    An answer is right where a standard normal variable is under a threshold. Items and pictures are equally hard for
    all models. Every pair of model and seed is somewhat better or worse on all items.
    """
    items, per_image, seeds, sd = setting
    pictures, threshold = np.arange(items) // per_image, norm.ppf(accuracies)[:, None, None]
    seed_sd = sd / norm.pdf(threshold)
    picture_part = rng.standard_normal(pictures[-1] + 1)[pictures] * PICTURE_SHARE**0.5
    item_part = rng.standard_normal(items) * ITEM_SHARE**0.5
    rest_sd = np.sqrt(1 - PICTURE_SHARE - ITEM_SHARE - seed_sd**2)
    rest = rng.standard_normal((len(accuracies), seeds, items)) * rest_sd
    seed_part = rng.standard_normal((len(accuracies), seeds, 1)) * seed_sd
    right = picture_part + item_part + rest + seed_part < threshold
    return right.astype(float), pictures


def resample_seeds(differences: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> stats.Estimate:
    """Return the mean with percentiles over resampled pictures and seeds, which this suite does not use."""
    chosen = rng.integers(0, len(differences), (stats.RESAMPLES, len(differences)))
    per_seed = stats.bootstrap_means(differences, clusters, rng)
    draws = np.take_along_axis(per_seed, chosen, axis=1).mean(1)
    return stats.Estimate(float(differences.mean()), *np.quantile(draws, [0.025, 0.975]).tolist())


def cover_truth(setting: Setting, rng: np.random.Generator) -> Iterator[bool]:
    """Yield for each interval, in the order of `Rates`, whether it holds the truth on one simulated test set."""
    (clean, protected), pictures = simulate_answers(setting, [CLEAN, PROTECTED], rng)
    zero = (rng.random(setting.items) < ZERO) * 1.0
    for estimate, truth in (
        (stats.mean(clean - protected, pictures), CLEAN - PROTECTED),
        (score(zero, clean, protected, pictures).protection, PROTECTION),
        (resample_seeds(clean - protected, pictures, rng), CLEAN - PROTECTED),
    ):
        yield estimate is not None and estimate.low <= truth <= estimate.high


def reject_equal(setting: Setting, rng: np.random.Generator) -> Iterator[bool]:
    """Yield for each test, in the order of `Rates`, whether it tells two models apart that are equally good."""
    (first, second), pictures = simulate_answers(setting, [CLEAN, CLEAN], rng)
    yield stats.paired_test(first - second, pictures) <= 0.05
    yield stats.mcnemar(first[0], second[0]) <= 0.05


def simulate(setting: Setting, repetitions: int, seed: int = 0) -> Rates:
    """Return the rates over the repetitions; the tests, which are quick, get four times as many."""
    rng = np.random.default_rng([seed, setting.items, setting.per_image, setting.seeds, round(1000 * setting.sd)])
    coverage = np.mean([list(cover_truth(setting, rng)) for _ in range(repetitions)], axis=0)
    positives = np.mean([list(reject_equal(setting, rng)) for _ in range(4 * repetitions)], axis=0)
    return Rates(*coverage.tolist(), *positives.tolist())


def main(repetitions: int) -> None:
    """Print the table, with a quarter of the usual resamples to save time."""
    stats.RESAMPLES = 1000
    titles = ["items", "per image", "seeds", "sd", "difference", "protection", "seeds resampled", "paired", "McNemar"]
    print("| " + " | ".join(titles) + " |\n|" + "---|" * len(titles))
    for setting in SETTINGS:
        rates = simulate(setting, repetitions)
        row = [*map(str, setting[:3]), f"{100 * setting.sd:.0f}", *(f"{100 * rate:.1f}" for rate in rates)]
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
