"""The scoring rules: each sample names one; the headline score is strict, a second score forgives the format."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from bench.scoring import anls, captions, choice, matching, vqa
from bench.scoring.wrapping import unwrap


class Item(Protocol):
    """The fields of a `bench.samples.Sample` that a rule reads. With rule `choice`, `answer` is the right letter."""

    @property
    def answer(self) -> str: ...
    @property
    def answers(self) -> Sequence[str]: ...
    @property
    def choices(self) -> Sequence[str]: ...
    @property
    def rule(self) -> str: ...


class AnswerKey(NamedTuple):
    """An `Item` without a picture and a question."""

    answer: str
    answers: Sequence[str] = ()
    choices: Sequence[str] = ()
    rule: str = "exact"


class ScoringRule(NamedTuple):
    """The score of an answer in [0,1], the strict reading of a response, and other readings for `lenient_answer`."""

    score: Callable[[str, Item], float]
    strict: Callable[[str, Item], str]
    lenient: Callable[[str, Item], list[str]]


def accepted_answers(item: Item) -> Sequence[str]:
    """Return every answer that counts as right."""
    return item.answers or (item.answer,)


def _whole(response: str, item: Item) -> str:
    return response.strip()


def _unwrapped(response: str, item: Item) -> list[str]:
    return [unwrap(response)]


def _options(item: Item) -> int:
    return len(item.choices) or 26


RULES = {
    "exact": ScoringRule(
        lambda answer, item: float(matching.matches(answer, accepted_answers(item))),
        _whole,
        lambda response, item: [matching.find_mention(response, accepted_answers(item)) or unwrap(response)],
    ),
    "choice": ScoringRule(
        lambda answer, item: float(choice.read_letter(answer, _options(item)) == item.answer.upper()),
        lambda response, item: choice.read_letter(response, _options(item)) or response.strip(),
        lambda response, item: [choice.find_choice(response, item.choices) or response.strip()],
    ),
    "vqa": ScoringRule(lambda answer, item: vqa.accuracy(answer, accepted_answers(item)), _whole, _unwrapped),
    "anls": ScoringRule(lambda answer, item: anls.anls(answer, accepted_answers(item)), _whole, _unwrapped),
    "caption": ScoringRule(lambda answer, item: captions.rouge_l(answer, accepted_answers(item)), _whole, _unwrapped),
}


def score_answer(answer: str, item: Item) -> float:
    """Return the score in [0,1] of an answer that was read from a response."""
    return RULES[item.rule].score(answer, item)


def strict_answer(response: str, item: Item) -> str:
    """Read a response as it is. With rule `choice`, read the letter that it consists of."""
    return RULES[item.rule].strict(response, item)


def lenient_answer(response: str, item: Item) -> str:
    """Return the best-scored reading of a response: as it is, or without its format.

    exact: the accepted answer that it contains as whole words. choice: the option that it chooses. Others: its first
    line without "The answer is", quotes and the final period.
    """
    readings = [strict_answer(response, item), *RULES[item.rule].lenient(response, item)]
    return max(readings, key=lambda reading: score_answer(reading, item))


def strict_score(response: str, item: Item) -> float:
    """Return the headline score of a raw response, in [0,1].

    >>> strict_score("A bus.", AnswerKey("bus")), strict_score("It is a bus.", AnswerKey("bus"))
    (1.0, 0.0)
    """
    return score_answer(strict_answer(response, item), item)


def lenient_score(response: str, item: Item) -> float:
    """Return the score of a raw response without its format, in [0,1]: never below the strict one.

    >>> lenient_score("It is a bus.", AnswerKey("bus"))
    1.0
    """
    return score_answer(lenient_answer(response, item), item)
