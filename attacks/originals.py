"""Draw the clean samples that a trainer learns from: the owner's (K4), or their own that the owner protected (K3).

Validation data is for choosing alone: nothing else gives an attack clean samples to learn from.
"""

import numpy as np
from numpy.random import Generator

from attacks.parts import Knowledge
from bench.samples import SampleSet


def draw_pictures(samples: SampleSet, share: float, rng: Generator) -> set[str]:
    """Draw about a `share` of the distinct pictures at random, at least one, and return their image ids."""
    pictures = list(dict.fromkeys(s.image_id for s in samples))
    return set(rng.permutation(pictures)[: max(1, round(share * len(pictures)))].tolist())


def draw_originals(knowledge: Knowledge, share: float, rng: Generator) -> SampleSet:
    """Return the clean samples of about a `share` of the owner's pictures, drawn at random.

    The seed of `rng` decides, not what was drawn from it before. So every attack with this seed and share holds the
    same samples, whatever its other parts, and those of a smaller share are among them.
    """
    assert knowledge.owner is not None
    seed = rng.bit_generator.seed_seq
    assert isinstance(seed, np.random.SeedSequence)
    pictures = draw_pictures(knowledge.owner, share, np.random.default_rng(seed))
    return SampleSet(tuple(s for s in knowledge.owner if s.image_id in pictures))


def pair_queries(knowledge: Knowledge) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the protected and the clean pixels of each of the trainer's own pictures that the owner protected."""
    assert knowledge.queried is not None
    clean = {s.id: s.pixels for s in knowledge.validation}
    return list({s.image_id: (s.pixels, clean[s.id]) for s in knowledge.queried}.values())
