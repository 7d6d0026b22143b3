"""Words that do not belong into a question are dropped, by a trainer who knows how MMGuard inserts them."""

from collections import Counter
from dataclasses import replace
from typing import ClassVar

from numpy.random import Generator
from pydantic import Field

from attacks.parts import Card, Knowledge, Part, part
from attacks.text.normalise import normalise
from bench import spec
from bench.samples import SampleSet
from bench.words import PIECE, WORD


class DropInsertedOptions(spec.Options):
    """When a word is one of the trigger's."""

    seen: int = Field(1, ge=1, le=1000, description="words as frequent as this in the trainer's own questions are kept")


@part("drop_inserted")
class DropInserted(Part):
    """Words that could be a trigger's, and that the trainer's own clean questions do not use, are dropped."""

    card = Card("K2", 1.0, "inserted words: MMGuard, text triggers", "written for this benchmark")
    Options: ClassVar[type[spec.Options]] = DropInsertedOptions

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`."""
        counts = Counter(word for s in own.validation for word in normalise(s.question).split())
        used = {word for word, count in counts.items() if count >= self.options.seen}
        return SampleSet(tuple(replace(s, question=without(s.question, used)) for s in released))


def without(question: str, used: set[str]) -> str:
    """The question without words that could be inserted (letters alone, three or more) and are not `used`.

    Line breaks stay. A question that would lose every word stays as it is: dropping all of it is no repair.
    """
    kept = [w for w in PIECE.findall(question) if not WORD.fullmatch(w.strip()) or normalise(w) in used]
    return "".join(kept).strip() or question
