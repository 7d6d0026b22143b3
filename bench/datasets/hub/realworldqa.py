"""RealWorldQA (xAI, 2024): photographs, most from cars; options, yes or no, or a short answer.

The questions already contain their option lines and instruction, and are asked unchanged. The source has one split.
"""

import re
from string import ascii_uppercase
from typing import Any

from bench.datasets.hub.adapter import Adapter, RowTexts, read_text
from bench.datasets.splits import SPLITS

OPTION = re.compile(r"^([A-Z])\. (.+)$", re.MULTILINE)


def read(row: dict[str, Any]) -> RowTexts:
    """Use rule `choice` if the question lists options and the answer is one of their letters, else `exact`."""
    question, answer = read_text(row, "question"), read_text(row, "answer")
    options = OPTION.findall(question)
    letters = [letter for letter, _ in options]
    if answer in letters and "".join(letters) == ascii_uppercase[: len(letters)]:
        return RowTexts(question, answer, choices=tuple(text.strip() for _, text in options), rule="choice")
    return RowTexts(question, answer)


ADAPTER = Adapter(("question", "answer"), {"test": SPLITS}, read)
