"""Rule `exact`: a free-text answer is right if it equals an accepted answer after normalisation."""

import re
import unicodedata
from collections.abc import Sequence

EVALUATOR = 3
"""Version of the scoring rules and of the prompts. Numbers of different versions cannot be compared."""

ARTICLES = {"a", "an", "the"}
MINUS = "\N{MINUS SIGN}"
FORMAT = {"|", "~"}
"""Mathematical symbols that format a text more often than they mean something."""


def split_words(text: str) -> list[str]:
    """Return the words of a text, in any script: runs of letters, digits and the marks on them.

    A minus before a number belongs to it, a plus is dropped there, and any other mathematical symbol is a word of its
    own. Other punctuation and symbols separate words.

    >>> split_words("C++, -5 and \u0926\u093f\u0928")
    ['C', '+', '+', '-5', 'and', 'दिन']
    """
    text = unicodedata.normalize("NFC", text).replace(MINUS, "-").replace("\0", " ")
    text = re.sub(r"(?<![\w+])\+(?=[.,]?\d)", " ", text)
    text = re.sub(r"(?<![\w-])-(?=[.,]?\d)", "\0", text)  # a sign, which the next step keeps
    return "".join(_spell(character) for character in text).split()


def _spell(character: str) -> str:
    """Return a character as it stands in a word, between spaces as a word of its own, or as a space."""
    if character == "\0":
        return " -"
    if unicodedata.category(character) == "Sm" and character not in FORMAT:
        return f" {character} "
    return character if re.match(r"\w", character) or unicodedata.category(character)[0] == "M" else " "


def normalise(text: str) -> str:
    """Return a text in lower case, without punctuation, articles and doubled spaces.

    The rule is SQuAD's (Rajpurkar et al. 2016), but punctuation inside a word splits it, signs and combining marks
    stay, and an article is one only before another word: "A" inside a text is a name. A text that has only punctuation
    keeps it.

    >>> normalise("The T-shirt."), normalise("Type A"), normalise("?"), normalise("-5")
    ('t shirt', 'type a', '?', '-5')
    """
    words = split_words(text)
    kept = [word for place, word in enumerate(words) if not _is_article(words, place)]
    return " ".join(kept).lower() or " ".join(text.lower().split())


def _is_article(words: Sequence[str], place: int) -> bool:
    word = words[place]
    return word.lower() in ARTICLES and place + 1 < len(words) and (place == 0 or word != "A")


def matches(answer: str, targets: Sequence[str]) -> bool:
    """Tell if an answer equals any of the accepted answers after `normalise`."""
    return normalise(answer) in {normalise(target) for target in targets}


def find_mention(response: str, targets: Sequence[str]) -> str | None:
    """Return the first accepted answer that a response contains as whole words after `normalise`, or None."""
    text = f" {normalise(response)} "
    return next((target for target in targets if f" {normalise(target)} " in text), None)
