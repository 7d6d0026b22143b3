"""`emoji_few`: 24 of the concepts of `emoji_catalog`, for victims that are too slow for all of them."""

from bench.datasets.emoji.art import owner_indices
from bench.datasets.emoji.catalog import renderings
from bench.samples import SampleSet

RENDERINGS = {"train": 4, "validation": 3, "test": 15}
CONCEPTS = 24


def load(split: str) -> SampleSet:
    """Return the samples of a split, some of `emoji_catalog`: 96 to train on, 72 to choose by, 360 to judge by.

    Every second of its first concepts is taken, since neighbours in the catalogue are alike.
    """
    return renderings(split, owner_indices()[: 2 * CONCEPTS : 2], RENDERINGS[split])
