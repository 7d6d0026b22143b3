"""Clean originals of the same owner: beside the release, or instead of a part of it."""

from typing import ClassVar

from numpy.random import Generator
from pydantic import Field

from attacks.parts import Card, Knowledge, Part, part
from bench import spec
from bench.samples import Sample, SampleSet


def chosen(samples: SampleSet, share: float, rng: Generator) -> set[str]:
    """The pictures, by id, of about a `share` of a set: whole pictures, at least one."""
    pictures = list(dict.fromkeys(s.image_id for s in samples))
    return set(rng.permutation(pictures)[: max(1, round(share * len(pictures)))].tolist())


class MixCleanOptions(spec.Options):
    """How many."""

    share: float = Field(0.05, gt=0, le=1, description="clean pictures over those of the release")


@part("mix_clean")
class MixClean(Part):
    """Some of the owner's clean originals are trained on beside the release."""

    card = Card("K4", 1.05, "protections that need every picture protected", "APBench; Sandoval-Segura et al., 2022")
    Options: ClassVar[type[spec.Options]] = MixCleanOptions
    needs: ClassVar[frozenset[str]] = frozenset({"owner"})

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`. Clean samples are added with ids of their own."""
        assert own.owner is not None
        pictures = chosen(own.owner, self.options.share, rng)
        clean = (s for s in own.owner if s.image_id in pictures)
        return SampleSet((*released, *(_renamed(s) for s in clean)))


def _renamed(sample: Sample) -> Sample:
    named = {"id": f"{sample.id}-clean", "image_id": f"{sample.image_id}-clean"}
    return Sample(**{**vars(sample), **named})


class PartialOptions(spec.Options):
    """How much of the data is protected."""

    protected: float = Field(0.8, gt=0, lt=1, description="share of pictures that are protected; the others are clean")


@part("partial")
class Partial(Part):
    """Only some pictures of the release are protected: the trainer has the clean originals of the others."""

    card = Card("K4", 1.0, "protections that need every picture protected", "asked for by reviewers of APBench")
    Options: ClassVar[type[spec.Options]] = PartialOptions
    needs: ClassVar[frozenset[str]] = frozenset({"owner"})

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`."""
        assert own.owner is not None
        clean, pictures = {s.id: s for s in own.owner}, chosen(released, self.options.protected, rng)
        return SampleSet(tuple(s if s.image_id in pictures else clean[s.id] for s in released))
