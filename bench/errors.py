"""Errors that a user can fix, and foreign texts made safe to print: without secrets and without control characters."""

import difflib
import os
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

HIDDEN = "***"
SECRET_KEY = (
    r"[\w.-]*(?:passw(?:or)?d|passwd|pwd|passphrase|secret|credentials?|signature|bearer"
    r"|(?:api|access|account|private|secret|auth)[_-]?key(?:[_-]?id)?|keyid"
    r"|(?:api|access|account|auth|hf|hub|id|refresh|sas|security|session|bearer)[_-]?token)"
)
"""Keys whose values are secrets, in any case: `PGPASSWORD`, `sslpassword`, `aws_secret_access_key`, `hf_token`."""

SECRET_PATTERNS = (
    (rf"(?i)(?<![\w.-])((?:{SECRET_KEY}|token) ?= ?)(?:[^\s&;,\"']+|\"[^\"]*\"|'[^']*')", rf"\1{HIDDEN}"),
    (rf"(?i)([\"'](?:{SECRET_KEY}|token)[\"']\s*:\s*)(?:\"[^\"]*\"|'[^']*')", rf'\1"{HIDDEN}"'),
    (rf"(?i)(?<![\w.-])({SECRET_KEY}: ?)[^\s&;,\"']+", rf"\1{HIDDEN}"),
    (r"(//[^\s:/@\"']*:)[^\s\"']*@", rf"\1{HIDDEN}@"),
    (r"(?i)\b((?:git\+)?https?://)[^\s:/@\"']+@", rf"\1{HIDDEN}@"),
    (r"(?i)\b(bearer|basic) [\w.~+/=-]{8,}", rf"\1 {HIDDEN}"),
    (r"\b(?:hf_[A-Za-z0-9]{16,}|gh[opsur]_[A-Za-z0-9]{16,}|sk-[\w-]{16,}|A[KS]IA[A-Z0-9]{16})", HIDDEN),
)
"""Secrets in a text and what is put in their place: `key=value`, JSON, `key: value`, addresses, headers and tokens."""

SECRET_VARIABLE = re.compile(rf"(?i)(?!(?:OLD)?PWD$)(?:{SECRET_KEY}|[\w-]*_token)")
"""Names of environment variables whose values are never printed; `PWD` is the working directory."""

ADDRESS = re.compile(r"//[^/\s:@]*:([^\s]+)@")
"""An address with a password, which a library may put into an error in pieces."""

MIN_SECRET = 6
"""Length from which such a value is looked for in every text: a shorter one is found inside ordinary words."""

SHOWN = 80
"""Characters of a foreign value that an error line shows."""


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
    return UserError(f"{field}: {show(name)} is not known{hint}; allowed: {', '.join(allowed)}{more}")


def show(value: object) -> str:
    """Return a value for an error line: in quotes, printable, and cut where it is long.

    >>> print(show("a\\x1b[0m"), show("x" * 99)[78:])
    'a\\x1b[0m' xxx'... (99 characters)
    """
    text = str(value)
    quoted = printable(repr(text[:SHOWN]))
    return quoted if len(text) <= SHOWN else f"{quoted}... ({len(text)} characters)"


def printable(text: str) -> str:
    """Return a text of one line in which characters that steer a terminal, or turn or hide what is near, are escaped.

    >>> printable("red\\x1b[31m\\u202e\\n")
    'red\\\\x1b[31m\\\\u202e\\\\n'
    """
    if text.isprintable():
        return text
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()


def hide_secrets(text: str) -> str:
    """Return a text with passwords, tokens and keys replaced by asterisks, wherever a library has put them.

    >>> hide_secrets("cannot read s3://KEY:SECRET@bucket with PASSWORD=x and max_tokens=3")
    'cannot read s3://KEY:***@bucket with PASSWORD=*** and max_tokens=3'
    """
    for name, value in os.environ.items():
        address = ADDRESS.search(value)
        secret = address[1] if address else value if SECRET_VARIABLE.fullmatch(name) else ""
        if len(secret) >= MIN_SECRET:
            text = text.replace(secret, HIDDEN).replace(unquote(secret), HIDDEN)
    for pattern, replacement in SECRET_PATTERNS:
        text = re.sub(pattern, replacement, text)
    return text
