"""Draw some of the owner's clean originals, for trainers who hold them (K4)."""

from numpy.random import Generator

from attacks.parts import Knowledge
from bench.samples import SampleSet


def draw_pictures(samples: SampleSet, share: float, rng: Generator) -> set[str]:
    """Draw about a `share` of the distinct pictures at random, at least one, and return their image ids."""
    pictures = list(dict.fromkeys(s.image_id for s in samples))
    return set(rng.permutation(pictures)[: max(1, round(share * len(pictures)))].tolist())


def draw_originals(knowledge: Knowledge, share: float, rng: Generator) -> SampleSet:
    """Return the clean samples of about a `share` of the owner's pictures, drawn at random."""
    assert knowledge.owner is not None
    pictures = draw_pictures(knowledge.owner, share, rng)
    return SampleSet(tuple(s for s in knowledge.owner if s.image_id in pictures))
