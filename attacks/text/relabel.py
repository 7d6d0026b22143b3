"""The trainer writes the answers himself."""

from dataclasses import replace

from numpy.random import Generator

from attacks.parts import Card, Knowledge, Part, part
from bench.samples import SampleSet

BATCH = 96


@part("relabel")
class Relabel(Part):
    """Every answer is what the base victim says to the released picture and question (self-distillation)."""

    card = Card(
        "K1", 1.2, "perturbations that are tied to the owner's answers", "methods that re-annotate crawled data"
    )

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`. Where the victim says nothing, the owner's answer stays."""
        said: list[str] = []
        for start in range(0, len(released), BATCH):
            some = released[start : start + BATCH]
            said += own.victim.generate([s.question for s in some], [s.pixels for s in some])
        return SampleSet(tuple(replace(s, answer=answer or s.answer) for s, answer in zip(released, said, strict=True)))
