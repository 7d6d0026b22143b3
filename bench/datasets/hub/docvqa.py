"""DocVQA (arXiv 2007.00398): questions about scanned pages, answered with words on the page.

The answers of its test split are not public, so its validation split is our test, and our validation comes from its
train split.
"""

from typing import Any

from bench.datasets.hub.adapter import Adapter, RowTexts, ask_for_phrase, read_text, read_texts


def read(row: dict[str, Any]) -> RowTexts:
    """Accept all answers and train on the first, as the authors advise."""
    answers = read_texts(row, "answers")
    return RowTexts(ask_for_phrase(read_text(row, "question")), answers[0], answers=answers, rule="anls")


ADAPTER = Adapter(("question", "answers"), {"train": ("train", "validation"), "validation": ("test",)}, read)
