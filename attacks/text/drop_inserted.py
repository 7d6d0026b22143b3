"""Drop words that do not belong in a question, as a trainer can who knows how MMGuard inserts them."""

from collections import Counter

from numpy.random import Generator
from pydantic import Field

from attacks.parts import AttackCard, Knowledge, Part, part
from attacks.text.normalise import normalise_question
from bench import spec
from bench.samples import SampleSet
from bench.words import PIECE, WORD


class DropInsertedOptions(spec.Options):
    """The rule for words that are kept."""

    seen: int = Field(
        1, ge=1, le=1000, description="words that occur this often in the trainer's own questions are kept"
    )


@part("drop_inserted")
class DropInserted(Part[DropInsertedOptions]):
    """Drop the words that could belong to a trigger and do not occur in the trainer's own clean questions.

    Close to an oracle: it knows the form of the words that the methods insert, and the trainer's questions have the
    wording of the owner's. `paraphrase` and `drop_rare` know less. Of validation data it reads the questions alone.
    """

    card = AttackCard("K2", 1.0, "inserted words: MMGuard, text triggers", "written for this benchmark")

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Drop words from every question."""
        counts = Counter(word for s in knowledge.validation for word in normalise_question(s.question).split())
        frequent = {word for word, count in counts.items() if count >= self.options.seen}
        return SampleSet(tuple(s.change(question=drop_words(s.question, frequent)) for s in released))


def drop_words(question: str, keep: set[str]) -> str:
    """Return the question without insertable words (three or more letters, nothing else) that are not in `keep`.

    Line breaks stay. A question that would become empty is returned unchanged.

    >>> drop_words("What lamp is the price?", {"what", "is", "the", "price"})
    'What is the price?'
    """
    pieces = [
        piece
        for piece in PIECE.findall(question)
        if not WORD.fullmatch(piece.strip()) or normalise_question(piece) in keep
    ]
    return "".join(pieces).strip() or question
