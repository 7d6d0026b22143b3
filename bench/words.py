"""Words in questions: insert them, and find those that are one token in every tokenizer (MMGuard's V_adm)."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WORD = re.compile(r"[A-Za-z]{3,}")
"""A plain word: three ASCII letters or more."""

LONGEST = 32
"""Letters of the longest word that may be inserted."""

PIECE = re.compile(r"\s*\S+")
"""A word with the white space before it."""

SPACE_MARKS = ("Ġ", "▁")
"""Characters that byte-level and SentencePiece vocabularies write for the space before a word."""


class Insertion(NamedTuple):
    """A question with inserted words. `spans`: the (start, end) characters of each, in the order of the slots."""

    text: str
    spans: tuple[tuple[int, int], ...]


def may_be_inserted(word: str) -> bool:
    """Tell whether a word may be inserted: a plain word of at most `LONGEST` letters.

    >>> [may_be_inserted(word) for word in ("lake", "an", "</s>", "a" * 33)]
    [True, False, False, False]
    """
    return len(word) <= LONGEST and WORD.fullmatch(word) is not None


def split_pieces(text: str) -> tuple[list[tuple[str, str]], str]:
    """Return each word with the white space before it, and the white space at the end; together they are the text.

    >>> split_pieces("What  is\\nthis? ")
    ([('', 'What'), ('  ', 'is'), ('\\n', 'this?')], ' ')
    """
    body = text.rstrip()
    return re.findall(r"(\s*)(\S+)", body), text[len(body) :]


def insert(question: str, words: Sequence[str], slots: Sequence[int]) -> Insertion:
    """Insert `words[j]` before word number `slots[j]` of the question, or at its end if there is no such word.

    Slots ascend. The question itself stays, with all its white space; a word that is inserted before the first word of
    a line ends the line above. One space stands before an inserted word, and between it and the question's start.

    >>> insert("What is this?", ["lake", "pony"], [1, 3])
    Insertion(text='What lake is this? pony', spans=((5, 9), (19, 23)))
    """
    pieces, end = split_pieces(question)
    text, spans = "", []
    for position, (space, word) in enumerate([*pieces, ("", "")]):
        for inserted, slot in zip(words, slots, strict=True):
            if slot == position:
                text += " " if text else ""
                spans.append((len(text), len(text) + len(inserted)))
                text += inserted
        if text and word and not space:
            space = " "
        text += space + word
    return Insertion(text + end, tuple(spans))


def plain_words(tokenizers: Sequence["PreTrainedTokenizerBase"]) -> list[str]:
    """Return the words that may be inserted and are one token, after a space, in every tokenizer; sorted.

    Vocabularies mark that space in a token's name. What a token decodes to alone need not show it (Llama's decoder
    drops it), so every candidate is encoded in a text to see whether it stays one token.
    """
    shared: set[str] | None = None
    for tokenizer in tokenizers:
        names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        candidates = {n[1:]: i for i, n in enumerate(names) if n[:1] in SPACE_MARKS and may_be_inserted(n[1:])}
        last_ids = token_ids(tokenizer, list(candidates))
        words = {word for (word, i), last in zip(candidates.items(), last_ids, strict=True) if last == i}
        shared = words if shared is None else shared & words
    return sorted(shared or ())


def token_ids(tokenizer: "PreTrainedTokenizerBase", words: Sequence[str]) -> list[int]:
    """Return the last token of each word after a space, which is the only one for a word of `plain_words`."""
    if not words:
        return []
    return [ids[-1] for ids in tokenizer([f"a {word}" for word in words], add_special_tokens=False)["input_ids"]]
