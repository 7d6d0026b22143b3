"""Drop the words whose deletion lowers a question's perplexity most (ONION: Qi et al., EMNLP 2021)."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import AttackCard, Knowledge, Part, part
from attacks.text.normalise import normalise_question
from bench import spec
from bench.samples import SampleSet
from bench.words import PIECE

START, END = "<s>", "</s>"
BIGRAM_WEIGHT = 0.7
"""Weight of the bigram in the interpolation. The unigram has the rest."""


class DropRareOptions(spec.Options):
    """The largest number of words to drop, and when a word is suspicious."""

    words: int = Field(5, ge=1, le=64, description="most words that are dropped from a question")
    least: float = Field(0.1, ge=0, le=20, description="fall of the mean log-perplexity that makes a word suspicious")


@part("drop_rare")
class DropRare(Part[DropRareOptions]):
    """Drop the words whose deletion lowers perplexity most, under bigrams of the trainer's own questions.

    Words are dropped one by one, and perplexity is computed anew each time, so that several inserted words are found.
    Of validation data it reads the questions alone.
    """

    card = AttackCard(
        "K1", 1.0, "inserted words that do not fit their sentence", "ONION: Qi et al., EMNLP 2021 (there with GPT-2)"
    )

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Drop words from every question."""
        language = Bigrams(s.question for s in knowledge.validation)
        return SampleSet(tuple(s.change(question=self._drop(language, s.question)) for s in released))

    def _drop(self, language: "Bigrams", question: str) -> str:
        words = PIECE.findall(question)
        for _ in range(min(self.options.words, len(words) - 1)):
            shorter = [words[:i] + words[i + 1 :] for i in range(len(words))]
            falls = language.surprise(words) - np.array([language.surprise(rest) for rest in shorter])
            if falls.max() <= self.options.least:
                break
            words = shorter[int(falls.argmax())]
        return "".join(words).strip()


class Bigrams:
    """A bigram language model, interpolated with unigrams that are smoothed by adding one."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.unigrams: Counter[str] = Counter()
        self.bigrams: Counter[tuple[str, str]] = Counter()
        self.contexts: Counter[str] = Counter()
        for text in texts:
            words = [START, *normalise_question(text).split(), END]
            self.unigrams.update(words[1:])
            self.contexts.update(words[:-1])
            self.bigrams.update(pairwise(words))
        self.total = self.unigrams.total() + len(self.unigrams) + 1

    def surprise(self, words: Sequence[str]) -> float:
        """Return the mean -log p of the words and of the end, which is the logarithm of their perplexity."""
        text = [START, *normalise_question(" ".join(words)).split(), END]
        return -sum(math.log(self._probability(a, b)) for a, b in pairwise(text)) / (len(text) - 1)

    def _probability(self, context: str, word: str) -> float:
        """Return the probability of `word` after `context`."""
        bigram = BIGRAM_WEIGHT * self.bigrams[context, word] / max(1, self.contexts[context])
        unigram = (1 - BIGRAM_WEIGHT) * (self.unigrams[word] + 1) / self.total
        return bigram + unigram
