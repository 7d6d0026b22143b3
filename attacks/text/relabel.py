"""Replace the owner's answers by those of a model that learned from a few clean samples."""

import tempfile
from pathlib import Path
from typing import ClassVar

from numpy.random import Generator
from pydantic import Field

from attacks.answers import generate_answers
from attacks.originals import draw_originals
from attacks.parts import AttackCard, Knowledge, Part, part
from bench import spec
from bench.progress import silent
from bench.samples import SampleSet


class RelabelOptions(spec.Options):
    """The clean samples, and the training on them."""

    share: float = Field(0.2, gt=0, le=1, description="number of clean pictures, as a share of those in the release")
    epochs: int = Field(40, ge=1, le=1000, description="passes over the clean pictures")


@part("relabel")
class Relabel(Part[RelabelOptions]):
    """Replace every answer by that of the victim after `lora_sft` on some of the owner's clean originals.

    The base victim cannot label what it does not know: with its own answers, clean data taught nothing.
    """

    card = AttackCard(
        "K4", 2.2, "perturbations that are tied to the owner's answers", "methods that re-annotate crawled data; BYORn"
    )
    needs: ClassVar[frozenset[str]] = frozenset({"owner"})

    @property
    def clean_share(self) -> float:
        return self.options.share

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Replace the answers. Where the model's answer is empty, the owner's stays."""
        from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
        from bench.lvlm.adapters import use_adapter

        clean, seed = draw_originals(knowledge, self.options.share, rng), int(rng.integers(2**31))
        with tempfile.TemporaryDirectory() as folder:
            tuner = LoraSFT(LoraSFTOptions(epochs=self.options.epochs))
            tuner.tune(knowledge.victim, clean, knowledge.validation, seed, Path(folder), silent)
            with use_adapter(knowledge.victim, Path(folder)):
                answers = generate_answers(knowledge.victim, released)
        return SampleSet(
            tuple(s.change(answer=answer or s.answer) for s, answer in zip(released, answers, strict=True))
        )
