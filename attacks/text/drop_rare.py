"""Words whose deletion lowers a question's perplexity most are dropped (ONION)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import Card, Knowledge, Part, part
from bench import spec
from bench.samples import Sample, SampleSet

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM

BATCH = 64


class DropRareOptions(spec.Options):
    """How many words, and how suspicious they must be."""

    words: int = Field(5, ge=1, le=64, description="words dropped from a question at most")
    least: float = Field(0.5, ge=0, le=20, description="fall of the mean log-perplexity that makes a word suspicious")


@part("drop_rare")
class DropRare(Part):
    """The words whose deletion lowers the question's perplexity most, by the victim's own language model."""

    card = Card("K1", 1.5, "inserted words that make no sentence", "ONION: Qi et al., EMNLP 2021")
    Options: ClassVar[type[spec.Options]] = DropRareOptions

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`."""
        return SampleSet(tuple(replace(s, question=self._without(own.victim, s)) for s in released))

    def _without(self, victim: "LVLM", sample: Sample) -> str:
        words = sample.question.split()
        if len(words) < 2:
            return sample.question
        shorter = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
        whole, *others = perplexities(victim, sample, [" ".join(words), *shorter])
        falls = whole - np.array(others)
        suspects = [int(i) for i in np.argsort(-falls)[: min(self.options.words, len(words) - 1)]]
        dropped = {i for i in suspects if falls[i] > self.options.least}
        return " ".join(word for i, word in enumerate(words) if i not in dropped)


def perplexities(victim: "LVLM", sample: Sample, questions: Sequence[str]) -> np.ndarray:
    """Mean NLL per token of each question about the sample's picture, (len(questions),)."""
    import torch

    from bench.lvlm.text import Prompt

    picture = torch.from_numpy(sample.pixels).permute(2, 0, 1)
    found: list[float] = []
    with torch.no_grad():
        for start in range(0, len(questions), BATCH):
            some = questions[start : start + BATCH]
            images = [picture] * len(some)
            encoded = victim.encode([Prompt(question) for question in some], victim.layouts(images))
            asked = replace(encoded, answer=encoded.question)
            found += (victim.loss(asked, images) / asked.answer.sum(1)).tolist()
    return np.array(found)
