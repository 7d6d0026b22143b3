"""The adapter type, and what all adapters share: instructions, option lines, and checks of cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from bench.datasets.splits import Roles
from bench.samples import Rule

SHORT = "Answer the question using a single word or phrase."
LETTER = "Answer with the option's letter from the given choices directly."
"""The instructions that LLaVA-1.5 was trained and judged with (arXiv 2310.03744); most models use them since."""


class Malformed(Exception):
    """A row that cannot be used. The message names the column and the fault; the reader adds file and row."""


@dataclass(frozen=True)
class RowTexts:
    """The texts of a row; the fields are those of `Sample`."""

    question: str
    answer: str
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    rule: Rule = "exact"


@dataclass(frozen=True)
class Adapter:
    """The columns that `read` needs besides `image`, and the splits of ours that each split of the source feeds.

    `read` returns None for a row without a picture, and raises Malformed for one that cannot be used.
    """

    columns: tuple[str, ...]
    roles: Roles
    read: Callable[[dict[str, Any]], RowTexts | None]


def read_text(row: dict[str, Any], column: str) -> str:
    """Return the text of a cell without white space around it. Raises Malformed if there is none."""
    value = row[column]
    if not isinstance(value, str) or not value.strip():
        raise Malformed(f"{column}: {str(value)[:40]!r}; allowed: text")
    return value.strip()


def read_texts(row: dict[str, Any], column: str) -> tuple[str, ...]:
    """Return the texts of a list cell without the empty ones. Raises Malformed if none is left."""
    value = row[column]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Malformed(f"{column}: {str(value)[:40]!r}; allowed: a list of texts")
    texts = tuple(text.strip() for text in value if text.strip())
    if not texts:
        raise Malformed(f"{column}: no text in it; allowed: one or more")
    return texts


def ask_with_options(question: str, choices: Sequence[str]) -> str:
    """Return the question, a line `A. ...` for each option, and the instruction to answer with a letter."""
    lines = [f"{letter}. {choice}" for letter, choice in zip(ascii_uppercase, choices, strict=False)]
    return "\n".join([question, *lines, LETTER])


def ask_for_phrase(question: str) -> str:
    """Return the question and the instruction to answer in a word or phrase."""
    return f"{question}\n{SHORT}"
