"""A check of foreign texts that people read on a page: titles, names, descriptions."""

import re
import unicodedata
from collections.abc import Iterable

BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U00016fe4\U0001d159")
"""Letters, marks and symbols that render as nothing; Unicode counts them as printable."""

SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Characters that choose the form of the one before them, as in emoji; alone they render as nothing."""

JOINERS = frozenset("\u200c\u200d")
"""Characters that join or separate their neighbours, as Persian, Indic scripts and emoji need."""

MAX_MARKS = 8
"""Combining marks on one character. Real scripts have fewer; a pile of them covers the lines above and below."""


def check_text(text: str, *, lines: bool = False) -> str:
    """Return a text for people to read, without the white space at its ends. `lines`: it may have several.

    Raises ValueError where there is no letter or digit in it, where a character of it cannot be seen or turns the
    direction of reading, and where marks are piled up. White space of any width, and joiners and selectors between the
    characters that need them, are allowed.

    >>> check_text("防御\\u3000ノイズ ")
    '防御\\u3000ノイズ'
    """
    marks = 0
    for position, character in enumerate(text):
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks > MAX_MARKS:
            raise ValueError(f"more than {MAX_MARKS} combining marks on one character")
        if character in JOINERS or SELECTORS.match(character):
            allowed = _has_neighbours(text, position)
        else:
            allowed = _is_visible(character) or _is_space(character) or (lines and character == "\n")
        if not allowed:
            raise ValueError(f"the character {character!a} cannot be seen; allowed: characters that can")
    if not any(unicodedata.category(character)[0] in "LN" and character not in BLANKS for character in text):
        raise ValueError("nothing to read; allowed: at least one letter or digit")
    return text.strip()


def find_double(names: Iterable[str]) -> str | None:
    """Return the first text that equals an earlier one but for case, width and white space, or None.

    >>> find_double(["Ada L.", "ada  l."])
    'ada  l.'
    """
    known: set[str] = set()
    for name in names:
        key = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        if key in known:
            return name
        known.add(key)
    return None


def _is_visible(character: str) -> bool:
    return character.isprintable() and not _is_space(character) and character not in BLANKS


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"


def _has_neighbours(text: str, position: int) -> bool:
    """Tell if a joiner has characters to join, none of them ASCII, or a selector one to select before it."""
    before = text[position - 1] if position else " "
    after = text[position + 1 : position + 2]
    if text[position] in JOINERS:
        return all(part > "\x7f" and _is_visible(part) for part in (before, after))
    return _is_visible(before) and not SELECTORS.match(before)
