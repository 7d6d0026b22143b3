"""The callback with which long work reports how far it is."""

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a short note."""


def silent(fraction: float, note: str) -> None:
    """Show nothing."""
