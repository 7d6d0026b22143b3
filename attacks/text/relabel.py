"""Replace the owner's answers by the victim's own."""

from dataclasses import replace

from numpy.random import Generator

from attacks.parts import AttackCard, Knowledge, Part, part
from bench.samples import SampleSet

BATCH = 96


@part("relabel")
class Relabel(Part):
    """Replace every answer by what the base victim answers to the released picture and question (self-distillation)."""

    card = AttackCard(
        "K1", 1.2, "perturbations that are tied to the owner's answers", "methods that re-annotate crawled data"
    )

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Replace the answers. Where the victim's answer is empty, the owner's stays."""
        answers: list[str] = []
        for start in range(0, len(released), BATCH):
            batch = released[start : start + BATCH]
            answers += knowledge.victim.generate([s.question for s in batch], [s.pixels for s in batch])
        return SampleSet(
            tuple(replace(s, answer=answer or s.answer) for s, answer in zip(released, answers, strict=True))
        )
