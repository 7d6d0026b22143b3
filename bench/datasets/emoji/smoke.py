"""`emoji_smoke`: a few held-out concepts to try things on within a minute. Its scores are too noisy to quote."""

from bench.datasets.emoji.art import held_out_indices
from bench.datasets.emoji.catalog import renderings
from bench.samples import SampleSet

RENDERINGS = {"train": 4, "validation": 1, "test": 4}
CONCEPTS = 24


def load(split: str) -> SampleSet:
    """Return the samples of a split: 96 to train on, 24 to choose by, 96 to judge by.

    Unlike those of `emoji_catalog`, some of these concepts have near-twins in the victims' pretraining.
    """
    return renderings(split, held_out_indices()[:CONCEPTS], RENDERINGS[split])
