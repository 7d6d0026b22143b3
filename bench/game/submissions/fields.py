"""Types of the texts that a submission holds."""

from typing import Annotated

from pydantic import AfterValidator, Field

from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import show, unknown_name
from bench.texts import check_text, find_double


def _check_optional(text: str) -> str:
    """Return a text that may be empty. Raises ValueError as `check_text` does."""
    return check_text(text) if text else text


def _check_paragraph(text: str) -> str:
    """Return a text that may be empty or have several lines. Raises ValueError as `check_text` does."""
    return check_text(text, lines=True) if text else text


def refuse_doubles(values: list[str]) -> list[str]:
    """Raise ValueError for a value that is there twice."""
    if (double := find_double(values)) is not None:
        raise ValueError(f"{show(double)} is there twice; allowed: once")
    return values


def check_dataset(name: str, field: str) -> str:
    """Return the name of a data set with a card, so that a submission can be played anywhere; else raise UserError."""
    if name not in EMBEDDED and name not in HUB:
        raise unknown_name(field, name, [*EMBEDDED, *HUB])
    return name


Line = Annotated[str, AfterValidator(check_text)]
OptionalLine = Annotated[str, AfterValidator(_check_optional)]
Paragraph = Annotated[str, AfterValidator(_check_paragraph)]
Title = Annotated[Line, Field(min_length=3, max_length=120)]
Authors = Annotated[
    list[Annotated[Line, Field(max_length=120)]], Field(min_length=1, max_length=50), AfterValidator(refuse_doubles)
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
