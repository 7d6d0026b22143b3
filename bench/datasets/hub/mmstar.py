"""MMStar (arXiv 2403.20330): four options about all kinds of pictures. The source has one split.

Its questions hold their options in one of two ways: `...\\nOptions: A: x, B: y` or `Question: ...\\nChoices:\\n(A) x`,
the second with a hint about the answer's form before it, which says the same as our instruction and is left out.
"""

import re
from string import ascii_uppercase
from typing import Any

from bench.datasets.hub.adapter import Adapter, Malformed, Text, listed, words
from bench.datasets.splits import SPLITS

INLINE = re.compile(r"(?:^|[,\s]\s*)([A-H]):\s")
LINES = re.compile(r"(?:^|\n)\s*\(([A-H])\)\s*")


def read(row: dict[str, Any]) -> Text:
    """The question with a line an option. Where no options can be read it is asked as it is, for a letter."""
    raw, answer = words(row, "question"), words(row, "answer")
    question, choices = _parsed(raw)
    if answer not in ascii_uppercase[: len(choices) or 4]:
        raise Malformed(f"answer: {answer[:40]!r}; allowed: a letter of {len(choices) or 4} options")
    return Text(listed(question, choices), answer, choices=choices, rule="choice")


def _parsed(raw: str) -> tuple[str, tuple[str, ...]]:
    for head, mark in (("\nOptions:", INLINE), ("\nChoices:", LINES)):
        stem, found, rest = raw.rpartition(head)
        parts = mark.split(rest.strip())
        letters, options = parts[1::2], tuple(part.strip().rstrip(",").strip() for part in parts[2::2])
        if found and len(options) > 1 and "".join(letters) == ascii_uppercase[: len(letters)] and all(options):
            return stem.rpartition("Question:")[2].strip(), options
    return raw, ()


ADAPTER = Adapter(("question", "answer"), {"mmstar": SPLITS}, read)
