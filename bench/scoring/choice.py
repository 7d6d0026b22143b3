"""Rule `choice`: which option does a response choose?"""

import re
from collections.abc import Callable, Iterable, Sequence
from string import ascii_uppercase

from bench.scoring.matching import normalise
from bench.scoring.wrapping import unwrapped

_ALONE = re.compile(r"\(?\s*([A-Za-z])\s*\)?\s*[.:,]?")
_TOLD = re.compile(
    r"\b(?i:answer|option|choice)\b(?i:\s+is|\s+would\s+be|\s*:|\s+option)*\s*\(?"
    r"(?:([A-Z])(?!['’]?\w)|([a-z])(?=\)|[.,:;]?\s*$))",
    re.MULTILINE,
)
_LEADING = re.compile(r"\(?([A-Za-z])\s?(?:\)|[.:](?=\s))|([A-Za-z])[.:,]?\s*\n")
_BRACKETED = re.compile(r"\(([A-Za-z])\)|(?<![\w(])([A-Z])\)")
_STANDING = re.compile(r"(?<![\w'’])(?:A(?! (?!(?:or|and|nor|is|because|since)\b)[a-z])|[B-HJ-Z])(?!['’]?\w)")


def letter(response: str, options: int = 26) -> str | None:
    """The option that a response is: "B", "(B)", "B.", "B)" or "b", and nothing besides; None for anything else.

    options: how many there are; a letter beyond them is none.
    """
    found = _ALONE.fullmatch(response.strip())
    return _within(found[1], options) if found else None


def meant(response: str, choices: Sequence[str] = ()) -> str | None:
    """The option that a response means, whatever its format; None where none is found, or more than one.

    The first of these that finds any decides: the letter alone; the option's own text; "the answer is B"; "(B)";
    "B. because"; a capital that stands alone (an A before a small word is an article); an option's text as whole words.
    """
    options = len(choices) or 26
    texts = {ascii_uppercase[i]: normalise(choice) for i, choice in enumerate(choices)}
    readers: tuple[Callable[[], Iterable[str | None]], ...] = (
        lambda: [letter(response, options), letter(unwrapped(response), options)],
        lambda: [key for key, text in texts.items() if text in {normalise(response), normalise(unwrapped(response))}],
        lambda: _letters(_TOLD.finditer(response)),
        lambda: _letters(_BRACKETED.finditer(response)),
        lambda: _letters(filter(None, [_LEADING.match(response.strip())])),
        lambda: _STANDING.findall(response),
        lambda: _quoted(response, texts),
    )
    for read in readers:
        found = {inside for each in read() if each and (inside := _within(each, options))}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _within(name: str, options: int) -> str | None:
    upper = name.upper()
    return upper if ascii_uppercase.index(upper) < options else None


def _letters(found: Iterable[re.Match[str]]) -> list[str]:
    return [next(filter(None, one.groups())) for one in found]


def _quoted(response: str, texts: dict[str, str]) -> list[str]:
    """Options whose text stands in the response and not only inside another option's: "red" in "dark red"."""
    rest, found = f" {normalise(response)} ", []
    for key, text in sorted(texts.items(), key=lambda item: -len(item[1])):
        if f" {text} " in rest:
            found.append(key)
            rest = rest.replace(f" {text} ", " | ")
    return found
