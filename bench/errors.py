"""Errors that a user can mend."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The message names the field, the value and what is allowed; the CLI prints it and exits 2."""


def unknown(field: str, name: str, names: Iterable[str], besides: str = "") -> UserError:
    """The error for a `name` that is none of `names`: suggests the nearest, and tells all that is allowed."""
    known = list(names)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"{field}: {name!r} is not known{hint}; allowed: {', '.join(known)}{besides}")
