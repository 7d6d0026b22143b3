"""Cells of your own data as texts: one text, or a list of texts. Decimals and truth values are text as written."""

import json
import re
from typing import Any

from bench.datasets.own.rows import MAX_LIST
from bench.datasets.special_tokens import find_special_token
from bench.errors import UserError

MAX_TEXT = 4000

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""Control characters, without those that are white space, such as the line ends U+000B, U+000C and U+0085."""

_ITEM = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?"""
_LIST = re.compile(rf"\[\s*(?:(?:{_ITEM})\s*(?:,\s*(?:{_ITEM})\s*)*(?:,\s*)?)?\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)


def check_text(cell: Any, where: str, most: int = MAX_TEXT) -> str:
    """Return the text of a cell without white space around it; "" for an empty cell."""
    if cell is None:
        return ""
    if isinstance(cell, (bool, int, float)):
        cell = number_text(cell, where)
    if not isinstance(cell, str):
        raise UserError(f"{where}: {str(cell)[:80]!r} is {type(cell).__name__}; allowed: text or a number")
    text = cell.strip()
    if len(text) > most:
        raise UserError(f"{where}: {len(text)} characters; allowed: {most}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: {text[:60]!a} is not UTF-8; allowed: UTF-8 text") from None
    return text


def number_text(value: float, where: str) -> str:
    """Return a number or truth value as JSON writes it.

    >>> number_text(0.5, ""), number_text(True, ""), number_text(3, "")
    ('0.5', 'true', '3')
    """
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:  # not a number, infinite, or with thousands of digits
        raise UserError(f"{where}: a number that cannot be written; allowed: text or a number") from None


def check_plain(text: str, where: str) -> str:
    """Return a text without special tokens and control characters: models read them in different ways.

    Raises UserError if there is one.
    """
    if control := _CONTROL.search(text):
        raise UserError(f"{where}: {text[:60]!a} holds the control character {control[0]!a}; allowed: text without any")
    token = find_special_token(text)
    if token:
        raise UserError(
            f"{where}: {token!r} is a special token of some models; allowed: text without such tokens, apart from "
            "one <image> before or after a question, which is left out"
        )
    return text


def check_list(cell: Any, where: str) -> tuple[str, ...]:
    """Return the texts of a list, of a list that was written as text, or of one text with | between them."""
    if isinstance(cell, str):
        cell = _split_text(cell.strip(), where)
    if cell is not None and not isinstance(cell, list):
        raise UserError(f"{where}: {str(cell)[:80]!r}; allowed: a list of texts, or texts with | between them")
    parts = tuple(check_text(part, where) for part in cell or [])
    if len(parts) > MAX_LIST or not all(parts):
        raise UserError(f"{where}: {len(parts)} texts, {parts.count('')} empty; allowed: up to {MAX_LIST}, none empty")
    return parts


def is_list_text(text: str) -> bool:
    """Tell if a text is a list of quoted texts, as a spreadsheet or pandas writes one into a cell.

    >>> is_list_text("['red', 'crimson']"), is_list_text("[sic]")
    (True, False)
    """
    return _LIST.fullmatch(text) is not None and any(quote in text for quote in "'\"")


def _split_text(text: str, where: str) -> list[str]:
    if len(text) > MAX_LIST * (MAX_TEXT + 4):
        raise UserError(f"{where}: {len(text)} characters; allowed: up to {MAX_LIST} texts of {MAX_TEXT}")
    if _LIST.fullmatch(text):
        return [_unquote(item) for item in re.findall(_ITEM, text, re.DOTALL)]
    if _looks_like_list(text):
        raise UserError(
            f"{where}: {text[:80]!r} looks like a list but is none; allowed: ['red', 'blue'], [\"red\", \"blue\"], or "
            "texts with | between them"
        )
    return text.split("|") if text else []


def _looks_like_list(text: str) -> bool:
    """Tell if a text seems to be a list of some program: of NumPy without commas, without quotes, a tuple or a set."""
    if text.startswith("array(") or text[:1] + text[-1:] not in ("[]", "()", "{}"):
        return text.startswith("array(")
    quoted = text[1:].lstrip()[:1] in ("'", '"')
    return quoted or (text[0] == "[" and "," in text)


def _unquote(item: str) -> str:
    """Return the text that a quoted item means, by the escapes that Python and JSON share."""
    if item[0] not in "'\"":
        return item
    known = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else known.get(code, code)

    text = _ESCAPE.sub(replace, item[1:-1])
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs of \u escapes
