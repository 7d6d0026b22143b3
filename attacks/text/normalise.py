"""Normalise the questions."""

import re

from numpy.random import Generator

from attacks.parts import AttackCard, Knowledge, Part, part
from bench.samples import SampleSet


@part("normalise")
class Normalise(Part):
    """Write questions in lower case, without punctuation and repeated spaces."""

    card = AttackCard("K1", 1.0, "unusual case, punctuation and spacing; not inserted words", "MMGuard, section 6.5")

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Normalise every question."""
        return SampleSet(tuple(s.change(question=normalise_question(s.question)) for s in released))


def normalise_question(text: str) -> str:
    """Return the words of letters and digits in lower case, with single spaces between them.

    >>> normalise_question("What  is, the PRICE_of it?!")
    'what is the price of it'
    """
    return " ".join(re.sub(r"[^\w\s]|_", " ", text.lower()).split())
