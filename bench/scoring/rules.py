"""How an answer is judged: one rule a sample, strictly for the headline and leniently as to its format."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from bench.scoring import anls, captions, choice, matching, vqa
from bench.scoring.wrapping import unwrapped


class Judged(Protocol):
    """What a rule reads of a sample: see `bench.samples.Sample`. With rule `choice`, `answer` is the right letter."""

    @property
    def answer(self) -> str: ...
    @property
    def answers(self) -> Sequence[str]: ...
    @property
    def choices(self) -> Sequence[str]: ...
    @property
    def rule(self) -> str: ...


class Key(NamedTuple):
    """The same, without the sample."""

    answer: str
    answers: Sequence[str] = ()
    choices: Sequence[str] = ()
    rule: str = "exact"


class Rule(NamedTuple):
    """`score` of an answer in [0,1]; what `strict` reads a response as, and what else it may be for `lenient`."""

    score: Callable[[str, Judged], float]
    strict: Callable[[str, Judged], str]
    lenient: Callable[[str, Judged], list[str]]


def accepted(key: Judged) -> Sequence[str]:
    """Every answer that counts."""
    return key.answers or (key.answer,)


def _whole(response: str, key: Judged) -> str:
    return response.strip()


def _bare(response: str, key: Judged) -> list[str]:
    return [unwrapped(response)]


def _letter(response: str, key: Judged) -> str:
    return choice.letter(response, len(key.choices) or 26) or response.strip()


RULES = {
    "exact": Rule(
        lambda answer, key: float(matching.matches(answer, accepted(key))),
        _whole,
        lambda response, key: [matching.mentioned(response, accepted(key)) or unwrapped(response)],
    ),
    "choice": Rule(
        lambda answer, key: float(choice.letter(answer, len(key.choices) or 26) == key.answer.upper()),
        _letter,
        lambda response, key: [choice.meant(response, key.choices) or response.strip()],
    ),
    "vqa": Rule(lambda answer, key: vqa.accuracy(answer, accepted(key)), _whole, _bare),
    "anls": Rule(lambda answer, key: anls.anls(answer, accepted(key)), _whole, _bare),
    "caption": Rule(lambda answer, key: captions.rouge_l(answer, accepted(key)), _whole, _bare),
}


def score(answer: str, key: Judged) -> float:
    """The score in [0,1] of what a response was read as."""
    return RULES[key.rule].score(answer, key)


def strict_answer(response: str, key: Judged) -> str:
    """What is judged strictly: the response as it is; with rule `choice` the letter that it consists of."""
    return RULES[key.rule].strict(response, key)


def lenient_answer(response: str, key: Judged) -> str:
    """The best reading of a response: as it is, or without its format.

    exact: the accepted answer that stands in it as whole words. choice: the option that it means. Others: its first
    line without "The answer is", quotes and the final period.
    """
    readings = [strict_answer(response, key), *RULES[key.rule].lenient(response, key)]
    return max(readings, key=lambda reading: score(reading, key))


def strict(response: str, key: Judged) -> float:
    """The headline score of a raw response, in [0,1]."""
    return score(strict_answer(response, key), key)


def lenient(response: str, key: Judged) -> float:
    """The score of its best reading, in [0,1]: never below the strict one."""
    return score(lenient_answer(response, key), key)
