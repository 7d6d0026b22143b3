"""What an adapter is, and what adapters share: instructions, option lines, and how a bad cell is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from bench.datasets.splits import Roles
from bench.samples import Rule

SHORT = "Answer the question using a single word or phrase."
LETTER = "Answer with the option's letter from the given choices directly."
"""The instructions that LLaVA-1.5 was trained and judged with (arXiv 2310.03744), since then everybody's."""


class Malformed(Exception):
    """A row that cannot be asked. The message names the column and what is wrong; the reader adds file and row."""


@dataclass(frozen=True)
class Text:
    """What a row says besides its picture; the fields are those of `Sample`."""

    question: str
    answer: str
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    rule: Rule = "exact"


@dataclass(frozen=True)
class Adapter:
    """`columns`: those that `read` looks at, besides `image`. `roles`: which of our splits a split of the source feeds.

    `read` gives None for a row that is not for a model that sees; it raises Malformed for one that cannot be asked.
    """

    columns: tuple[str, ...]
    roles: Roles
    read: Callable[[dict[str, Any]], Text | None]


def words(row: dict[str, Any], column: str) -> str:
    """The text of a cell, without white space around it. Raises Malformed where there is none."""
    value = row[column]
    if not isinstance(value, str) or not value.strip():
        raise Malformed(f"{column}: {str(value)[:40]!r}; allowed: text")
    return value.strip()


def several(row: dict[str, Any], column: str) -> tuple[str, ...]:
    """The texts of a list cell, without empty ones. Raises Malformed where none is left."""
    value = row[column]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Malformed(f"{column}: {str(value)[:40]!r}; allowed: a list of texts")
    if not (found := tuple(text.strip() for text in value if text.strip())):
        raise Malformed(f"{column}: no text in it; allowed: one or more")
    return found


def listed(question: str, choices: Sequence[str]) -> str:
    """The question, a line `A. ...` an option, and the instruction to answer with a letter."""
    lines = [f"{letter}. {choice}" for letter, choice in zip(ascii_uppercase, choices, strict=False)]
    return "\n".join([question, *lines, LETTER])


def short(question: str) -> str:
    """The question and the instruction to answer in a word or phrase."""
    return f"{question}\n{SHORT}"
