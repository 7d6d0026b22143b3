"""MMStar (arXiv 2403.20330): four options about all kinds of pictures. The source has one split.

A question lists its options in one of two ways: `...\\nOptions: A: x, B: y` or `Question: ...\\nChoices:\\n(A) x`. The
second way begins with a hint about the form of the answer; it repeats our instruction and is left out.
"""

import re
from string import ascii_uppercase
from typing import Any

from bench.datasets.hub.adapter import Adapter, Malformed, RowTexts, ask_with_options, read_text
from bench.datasets.splits import SPLITS

INLINE = re.compile(r"(?:^|[,\s]\s*)([A-H]):\s")
LINES = re.compile(r"(?:^|\n)\s*\(([A-H])\)\s*")


def read(row: dict[str, Any]) -> RowTexts:
    """Ask the question with a line for each option. If no options can be read, ask the original text for a letter."""
    raw, answer = read_text(row, "question"), read_text(row, "answer")
    question, choices = _parse(raw)
    if answer not in ascii_uppercase[: len(choices) or 4]:
        raise Malformed(f"answer: {answer[:40]!r}; allowed: a letter of {len(choices) or 4} options")
    return RowTexts(ask_with_options(question, choices), answer, choices=choices, rule="choice")


def _parse(raw: str) -> tuple[str, tuple[str, ...]]:
    for head, mark in (("\nOptions:", INLINE), ("\nChoices:", LINES)):
        stem, separator, rest = raw.rpartition(head)
        parts = mark.split(rest.strip())
        letters, options = parts[1::2], tuple(part.strip().rstrip(",").strip() for part in parts[2::2])
        if separator and len(options) > 1 and "".join(letters) == ascii_uppercase[: len(letters)] and all(options):
            return stem.rpartition("Question:")[2].strip(), options
    return raw, ()


ADAPTER = Adapter(("question", "answer"), {"mmstar": SPLITS}, read)
