"""Train on the release among many clean pictures of other things, as a trainer of a general model does."""

from numpy.random import Generator
from pydantic import Field

from attacks.parts import AttackCard, Knowledge, Part, part
from bench import spec
from bench.datasets.emoji.art import concepts, pretraining_indices
from bench.datasets.emoji.questions import NAMING
from bench.datasets.emoji.render import render
from bench.samples import Sample, SampleSet


class DiluteOptions(spec.Options):
    """The number of other pictures."""

    times: float = Field(
        1.0, gt=0, le=64, description="number of other pictures, as a multiple of those in the release"
    )


@part("dilute")
class Dilute(Part[DiluteOptions]):
    """Add public pictures: new renderings of the emoji that embedded victims were pretrained on, to be named.

    None shows a concept of the owner of `emoji_catalog`. They are the same kind of picture there, and another kind
    beside any other release.
    """

    card = AttackCard(
        "K1", 2.0, "shortcuts that hold only where nothing else is learned", "common: mixtures of instruction data"
    )

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Append named renderings of concepts that are drawn at random. Their ids begin with `public-`."""
        count = max(1, round(self.options.times * len({s.image_id for s in released})))
        added = []
        for number, index in enumerate(rng.choice(pretraining_indices(), count).tolist()):
            concept, name = concepts()[index], f"public-{number:06d}"
            added.append(Sample(name, name, render(concept.art, rng).pixels, str(rng.choice(NAMING)), concept.name))
        return SampleSet((*released, *added))
