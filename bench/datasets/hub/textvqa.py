"""TextVQA (arXiv 1904.08920): questions about text in photographs, ten people's answers each.

The answers of its test split are not public, so its validation split is our test, and our validation comes from its
train split.
"""

from collections import Counter
from typing import Any

from bench.datasets.hub.adapter import Adapter, RowTexts, ask_for_phrase, read_text, read_texts


def read(row: dict[str, Any]) -> RowTexts:
    """Keep all answers and train on the most frequent; of equally frequent ones, on the first."""
    answers = read_texts(row, "answers")
    majority = Counter(answers).most_common(1)[0][0]
    return RowTexts(ask_for_phrase(read_text(row, "question")), majority, answers=answers, rule="vqa")


ADAPTER = Adapter(("question", "answers"), {"train": ("train", "validation"), "validation": ("test",)}, read)
