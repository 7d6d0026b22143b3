"""RealWorldQA (xAI, 2024): photographs, most from cars; options, yes or no, or a short answer.

The questions hold their option lines and their instruction already and are asked as they are. The source has one split.
"""

import re
from string import ascii_uppercase
from typing import Any

from bench.datasets.hub.adapter import Adapter, Text, words
from bench.datasets.splits import SPLITS

OPTION = re.compile(r"^([A-Z])\. (.+)$", re.MULTILINE)


def read(row: dict[str, Any]) -> Text:
    """A choice where the question lists options and the answer is one of their letters, else an exact match."""
    question, answer = words(row, "question"), words(row, "answer")
    letters, choices = zip(*found, strict=True) if (found := OPTION.findall(question)) else ((), ())
    if answer in letters and "".join(letters) == ascii_uppercase[: len(letters)]:
        return Text(question, answer, choices=tuple(c.strip() for c in choices), rule="choice")
    return Text(question, answer)


ADAPTER = Adapter(("question", "answer"), {"test": SPLITS}, read)
