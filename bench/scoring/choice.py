"""Rule `choice`: reading the chosen option's letter from a response."""

import re
from collections.abc import Callable, Iterable, Sequence
from string import ascii_uppercase

from bench.scoring.matching import normalise
from bench.scoring.wrapping import unwrap

_LETTER_ALONE = re.compile(r"\(?\s*([A-Za-z])\s*\)?\s*[.:,]?")
_STATED = re.compile(
    r"\b(?i:answer|option|choice)\b(?i:\s+is|\s+would\s+be|\s*:|\s+option)*\s*\(?"
    r"(?:([A-Z])(?!['’]?\w)|([a-z])(?=\)|[.,:;]?\s*$))",
    re.MULTILINE,
)
_LEADING = re.compile(r"\(?([A-Za-z])\s?(?:\)|[.:](?=\s))|([A-Za-z])[.:,]?\s*\n")
_BRACKETED = re.compile(r"\(([A-Za-z])\)|(?<![\w(])([A-Z])\)")
_CAPITAL = re.compile(r"(?<![\w'’])(?:A(?! (?!(?:or|and|nor|is|because|since)\b)[a-z])|[B-HJ-Z])(?!['’]?\w)")


def read_letter(response: str, options: int = 26) -> str | None:
    """Return the letter of a response like "B", "(B)", "B.", "B)" or "b"; None for any other response.

    A letter beyond the number of `options` is None too.

    >>> read_letter("(b)"), read_letter("B, I think"), read_letter("E", options=4)
    ('B', None, None)
    """
    match = _LETTER_ALONE.fullmatch(response.strip())
    return _upper_within(match[1], options) if match else None


def find_choice(response: str, choices: Sequence[str] = ()) -> str | None:
    """Return the letter of the option that a response chooses, in whatever format; None for no option or several.

    These readings are tried in order, and the first that gives a letter decides: the letter alone; the option's text
    alone; "the answer is B"; "(B)"; "B. because"; a capital as a word of its own (an A before a lower-case word is an
    article, and a letter inside an option's text is none); an option's text as whole words.

    >>> find_choice("The answer is B."), find_choice("It is a red one", ("blue", "red"))
    ('B', 'B')
    >>> find_choice("The picture shows vitamin C", ("iron", "vitamin C", "zinc"))
    'B'
    """
    options = len(choices) or 26
    texts = {ascii_uppercase[i]: normalise(choice) for i, choice in enumerate(choices)}
    readers: tuple[Callable[[], Iterable[str | None]], ...] = (
        lambda: [read_letter(response, options), read_letter(unwrap(response), options)],
        lambda: [key for key, text in texts.items() if text in {normalise(response), normalise(unwrap(response))}],
        lambda: _matched_letters(_STATED.finditer(response)),
        lambda: _matched_letters(_BRACKETED.finditer(response)),
        lambda: _matched_letters(filter(None, [_LEADING.match(response.strip())])),
        lambda: _CAPITAL.findall(_without_options(response, choices)),
        lambda: _quoted(response, texts),
    )
    for read in readers:
        letters = {_upper_within(letter, options) for letter in read() if letter} - {None}
        if letters:
            return letters.pop() if len(letters) == 1 else None
    return None


def _without_options(response: str, choices: Sequence[str]) -> str:
    """Return a response without the options' texts, so that the C of "vitamin C" is not read as a letter."""
    for choice in sorted((choice.strip() for choice in choices), key=len, reverse=True):
        if len(choice) > 1:
            response = re.sub(rf"(?<!\w){re.escape(choice)}(?!\w)", " ", response, flags=re.IGNORECASE)
    return response


def _upper_within(letter: str, options: int) -> str | None:
    upper = letter.upper()
    return upper if ascii_uppercase.index(upper) < options else None


def _matched_letters(matches: Iterable[re.Match[str]]) -> list[str]:
    return [next(filter(None, match.groups())) for match in matches]


def _quoted(response: str, texts: dict[str, str]) -> list[str]:
    """Return the options whose text is in the response, but not only inside another option's ("red" in "dark red")."""
    rest, letters = f" {normalise(response)} ", []
    for key, text in sorted(texts.items(), key=lambda item: -len(item[1])):
        if f" {text} " in rest:
            letters.append(key)
            rest = rest.replace(f" {text} ", " | ")
    return letters
