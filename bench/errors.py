"""Errors that a user can fix."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The message names the field, the value and what is allowed; the CLI prints it and exits 2."""


def unknown_name(field: str, name: str, names: Iterable[str], more: str = "") -> UserError:
    """Return the error for an unknown name. It suggests the nearest of `names` and lists all, and then adds `more`.

    >>> print(unknown_name("dataset", "scene", ["scenes", "tags"]))
    dataset: 'scene' is not known; did you mean 'scenes'?; allowed: scenes, tags
    """
    allowed = list(names)
    nearest = difflib.get_close_matches(name.lower(), allowed, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return UserError(f"{field}: {name!r} is not known{hint}; allowed: {', '.join(allowed)}{more}")
