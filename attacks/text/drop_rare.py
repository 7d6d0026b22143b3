"""Words whose deletion lowers a question's perplexity most are dropped (ONION)."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import Card, Knowledge, Part, part
from attacks.text.normalise import normalise
from bench import spec
from bench.samples import SampleSet
from bench.words import PIECE

START, END = "<s>", "</s>"
BIGRAM = 0.7
"""Weight of the word before; the rest is how frequent a word is."""


class DropRareOptions(spec.Options):
    """How many words, and how suspicious they must be."""

    words: int = Field(5, ge=1, le=64, description="words dropped from a question at most")
    least: float = Field(0.1, ge=0, le=20, description="fall of the mean log-perplexity that makes a word suspicious")


@part("drop_rare")
class DropRare(Part):
    """The words whose deletion lowers the question's perplexity most, by bigrams of the trainer's own questions.

    One word after the other: a question with several inserted words is mended step by step.
    """

    card = Card("K1", 1.0, "inserted words that make no sentence", "ONION: Qi et al., EMNLP 2021 (there with GPT-2)")
    Options: ClassVar[type[spec.Options]] = DropRareOptions

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`."""
        language = Bigrams(s.question for s in own.validation)
        return SampleSet(tuple(replace(s, question=self._without(language, s.question)) for s in released))

    def _without(self, language: "Bigrams", question: str) -> str:
        words = PIECE.findall(question)
        for _ in range(min(self.options.words, len(words) - 1)):
            shorter = [words[:i] + words[i + 1 :] for i in range(len(words))]
            falls = language.surprise(words) - np.array([language.surprise(some) for some in shorter])
            if falls.max() <= self.options.least:
                break
            words = shorter[int(falls.argmax())]
        return "".join(words).strip()


class Bigrams:
    """How likely a word is after another, from some texts; a word never seen counts as one that was seen once less."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.single: Counter[str] = Counter()
        self.pair: Counter[tuple[str, str]] = Counter()
        self.before: Counter[str] = Counter()
        for text in texts:
            words = [START, *normalise(text).split(), END]
            self.single.update(words[1:])
            self.before.update(words[:-1])
            self.pair.update(pairwise(words))
        self.total = self.single.total() + len(self.single) + 1

    def surprise(self, words: Sequence[str]) -> float:
        """Mean -log p of the words and the end: the logarithm of their perplexity."""
        read = [START, *normalise(" ".join(words)).split(), END]
        chances = (
            BIGRAM * self.pair[a, b] / max(1, self.before[a]) + (1 - BIGRAM) * (self.single[b] + 1) / self.total
            for a, b in pairwise(read)
        )
        return -sum(math.log(chance) for chance in chances) / (len(read) - 1)
