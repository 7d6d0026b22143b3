"""Reading what may come from anywhere: content that is missing, foreign or broken is None and raises nothing."""

from collections.abc import Callable
from typing import TypeVar

from PIL import Image

from bench.errors import UserError

T = TypeVar("T")

UNREADABLE = (OSError, ValueError, KeyError, TypeError, UserError, Image.DecompressionBombError)


def read_or_none(read: Callable[[], T]) -> T | None:
    """Return what `read` returns; None where it raises one of `UNREADABLE`.

    >>> read_or_none(lambda: int("7")), read_or_none(lambda: int("seven"))
    (7, None)
    """
    try:
        return read()
    except UNREADABLE:
        return None
