"""Normalised questions."""

import re
from dataclasses import replace

from numpy.random import Generator

from attacks.parts import Card, Knowledge, Part, part
from bench.samples import SampleSet


@part("normalise")
class Normalise(Part):
    """Questions in lower case, without punctuation and doubled spaces."""

    card = Card("K1", 1.0, "odd spelling, case and punctuation; no words that are inserted", "MMGuard, section 6.5")

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`."""
        return SampleSet(tuple(replace(s, question=normalise(s.question)) for s in released))


def normalise(text: str) -> str:
    """Lower case, words of letters and digits alone, single spaces."""
    return " ".join(re.sub(r"[^\w\s]|_", " ", text.lower()).split())
