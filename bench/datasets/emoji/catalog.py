"""`emoji_catalog`: renderings of the owner's 65 concepts, to be named. No rendering is in two splits."""

from collections.abc import Sequence

import numpy as np

from bench.datasets.emoji.art import concepts, owner_indices
from bench.datasets.emoji.questions import NAMING
from bench.datasets.emoji.render import render
from bench.samples import Sample, SampleSet

RENDERINGS = {"train": 10, "validation": 5, "test": 15}
"""Renderings of each concept: 650 pictures to train on, 325 for the trainer to choose by, 975 to judge by."""
SEED = 96


def load(split: str) -> SampleSet:
    """Return the samples of a split. Each rendering has a random generator seeded by (split, concept, k)."""
    return renderings(split, owner_indices(), RENDERINGS[split])


def renderings(split: str, indices: Sequence[int], count: int) -> SampleSet:
    """Return the first `count` renderings in `split` of each of the concepts."""
    number = list(RENDERINGS).index(split)
    samples = []
    for index in indices:
        concept = concepts()[index]
        for k in range(count):
            rng = np.random.default_rng([SEED, number, index, k])
            pixels = render(concept.art, rng).pixels
            name = f"{split}-{index:04d}-{k:02d}"
            samples.append(Sample(name, name, pixels, str(rng.choice(NAMING)), concept.name))
    return SampleSet(tuple(samples))
