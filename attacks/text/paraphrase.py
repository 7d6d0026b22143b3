"""Ask each question of the release in the trainer's own words."""

from collections.abc import Sequence

from numpy.random import Generator

from attacks.parts import AttackCard, Knowledge, Part, part
from attacks.text.normalise import normalise_question
from bench.samples import SampleSet


@part("paraphrase")
class Paraphrase(Part):
    """Replace each question by the longest question of the trainer's own that it has all words of, in order.

    Of the validation data it reads the questions, never a picture or an answer. It knows no word list and no template
    of a method. A question that lists choices stays, and so does one of another wording.
    """

    card = AttackCard(
        "K1", 1.0, "words that were inserted or moved around a question", "Be Kind, Rewrite, 2026 (there with an LLM)"
    )

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Replace questions; answers and pictures stay."""
        questions = {s.question for s in knowledge.validation if not s.choices}
        own = {question: normalise_question(question).split() for question in sorted(questions)}
        phrasings = sorted((q for q in own if own[q]), key=lambda question: len(own[question]), reverse=True)

        def rephrase(question: str) -> str:
            words = normalise_question(question).split()
            return next((q for q in phrasings if is_subsequence(own[q], words)), question)

        return SampleSet(tuple(s if s.choices else s.change(question=rephrase(s.question)) for s in released))


def is_subsequence(few: Sequence[str], many: Sequence[str]) -> bool:
    """Return True if all of `few` are among `many` in the same order.

    >>> is_subsequence(["what", "is", "this"], ["what", "lamp", "is", "zebra", "this"])
    True
    """
    rest = iter(many)
    return all(word in rest for word in few)
