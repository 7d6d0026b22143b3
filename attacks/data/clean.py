"""Parts of a trainer who holds some of the owner's clean originals and adds or substitutes them."""

from itertools import cycle, islice
from typing import ClassVar

from numpy.random import Generator
from pydantic import Field

from attacks.originals import draw_originals, draw_pictures
from attacks.parts import AttackCard, Knowledge, Part, part
from bench import spec
from bench.samples import SampleSet


class CleanSamplesOptions(spec.Options):
    """The number of clean pictures."""

    share: float = Field(0.05, gt=0, le=1, description="number of clean pictures, as a share of those in the release")


class CleanSamples(Part[CleanSamplesOptions]):
    """A part of a trainer who holds a share of the owner's clean originals."""

    needs: ClassVar[frozenset[str]] = frozenset({"owner"})

    @property
    def clean_share(self) -> float:
        return self.options.share


@part("mix_clean")
class MixClean(CleanSamples):
    """Add some of the owner's clean originals to the release."""

    card = AttackCard(
        "K4", 1.05, "protections that need every picture protected", "APBench; Sandoval-Segura et al., 2022"
    )

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Append clean samples to the release. Their ids end in `-clean`, so that no id is there twice."""
        clean = draw_originals(knowledge, self.options.share, rng)
        renamed = (s.change(id=f"{s.id}-clean", image_id=f"{s.image_id}-clean") for s in clean)
        return SampleSet((*released, *renamed))


@part("own_only")
class OwnOnly(CleanSamples):
    """Control: train on what `mix_clean` adds, without the release, in as many steps as on the release."""

    card = AttackCard("K4", 1.0, "nothing: what the trainer's clean pictures are worth alone", "a control")

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Return as many clean samples as the release has, repeated in order. The ids end in the repetition."""
        clean = draw_originals(knowledge, self.options.share, rng)
        repeated = islice(cycle(clean), max(len(released), len(clean)))
        return SampleSet(tuple(s.change(id=f"{s.id}-{n // len(clean)}") for n, s in enumerate(repeated)))


class PartialOptions(spec.Options):
    """The number of protected pictures."""

    protected: float = Field(0.8, gt=0, lt=1, description="share of pictures that are protected; the others are clean")


@part("partial")
class Partial(Part[PartialOptions]):
    """Replace some pictures of the release by their clean originals, so that only the others are protected."""

    card = AttackCard(
        "K4", 1.0, "protections that need every picture protected", "an experiment that reviewers of APBench requested"
    )
    needs: ClassVar[frozenset[str]] = frozenset({"owner"})

    @property
    def clean_share(self) -> float:
        return 1 - self.options.protected

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Replace the samples of the pictures that are not protected by the clean samples with the same ids."""
        assert knowledge.owner is not None
        originals = {s.id: s for s in knowledge.owner}
        protected = draw_pictures(released, self.options.protected, rng)
        return SampleSet(tuple(s if s.image_id in protected else originals[s.id] for s in released))
