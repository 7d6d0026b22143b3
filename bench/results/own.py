"""Rows about data of a user's own. They are shown to others and published only where the data are named."""

from collections.abc import Collection, Mapping
from typing import Any

PREFIX = "own:"


def find_own_data(dataset: str, effects: Mapping[str, Any] | None) -> set[str]:
    """Return the names of own data in a row: its data set, and the tasks of its side effects.

    >>> sorted(find_own_data("own:pets@0123456789abcdef", {"tags": {}}))
    ['own:pets@0123456789abcdef']
    """
    names = {dataset, *(effects or {})}
    return {name for name in names if name.strip().lower().startswith(PREFIX)}


def is_open(dataset: str, effects: Mapping[str, Any] | None, named: Collection[str]) -> bool:
    """Return True if every own data of a row is among `named`, by its whole name or by the folder's name alone.

    >>> is_open("own:pets@0123456789abcdef", None, [])
    False
    >>> is_open("own:pets@0123456789abcdef", None, ["pets"])
    True
    """
    wanted = {name.removeprefix(PREFIX) for name in named}
    parts = [name.removeprefix(PREFIX) for name in find_own_data(dataset, effects)]
    return all(part in wanted or part.partition("@")[0] in wanted for part in parts)
