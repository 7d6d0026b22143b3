"""`emoji_smoke`: a corner of `emoji_catalog` to try things on within a minute. Its scores are too noisy to quote."""

from bench.datasets.emoji.art import owner_indices
from bench.datasets.emoji.catalog import renderings
from bench.samples import SampleSet

RENDERINGS = {"train": 4, "validation": 1, "test": 4}
CONCEPTS = 24


def load(split: str) -> SampleSet:
    """Return the samples of a split: 96 to train on, 24 to choose by, 96 to judge by. All are in `emoji_catalog`."""
    return renderings(split, owner_indices()[:CONCEPTS], RENDERINGS[split])
