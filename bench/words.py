"""Insert-only text triggers: the admissible words (MMGuard's V_adm) and where they stand in a question."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WORD = re.compile(r"[A-Za-z]{3,}")
PIECE = re.compile(r"\s*\S+")
"""A word with the white space before it."""

SPACE = ("Ġ", "▁")
"""How byte-level and SentencePiece vocabularies write the space before a word."""


class Inserted(NamedTuple):
    """A question with words in it, and the (start, end) characters of each, in the order of the slots."""

    text: str
    spans: tuple[tuple[int, int], ...]


def insert(question: str, words: Sequence[str], slots: Sequence[int]) -> Inserted:
    """Put `words[j]` before the question's word number `slots[j]` (slots ascend; the number of words = at the end).

    Nothing of the question is replaced: its line breaks stay, and a word before the first of a line ends the one above.
    """
    text, spans = "", []
    for position, (space, word) in enumerate([*re.findall(r"(\s*)(\S+)", question), ("", "")]):
        for added, slot in zip(words, slots, strict=True):
            if slot == position:
                text += " " * bool(text)
                spans.append((len(text), len(text) + len(added)))
                text += added
        text += (space or " " * bool(text and word)) + word
    return Inserted(text, tuple(spans))


def plain_words(tokenizers: Sequence["PreTrainedTokenizerBase"]) -> list[str]:
    """ASCII alphabetic words of three letters or more that are one token, after a space, in every tokenizer.

    Byte-level and SentencePiece vocabularies mark that space in a token's name; what a token decodes to alone need not
    show it (Llama's decoder drops it), so every candidate is read back in a text.
    """
    shared: set[str] | None = None
    for tokenizer in tokenizers:
        names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        found = {n[1:]: i for i, n in enumerate(names) if n[:1] in SPACE and WORD.fullmatch(n[1:])}
        read = tokenizer([f"a {word}" for word in found], add_special_tokens=False)["input_ids"] if found else []
        words = {word for (word, i), ids in zip(found.items(), read, strict=True) if ids[-1] == i}
        shared = words if shared is None else shared & words
    return sorted(shared or ())


def token_ids(tokenizer: "PreTrainedTokenizerBase", words: Sequence[str]) -> list[int]:
    """The single token of each admissible word."""
    return [tokenizer(f"a {word}", add_special_tokens=False)["input_ids"][-1] for word in words]
