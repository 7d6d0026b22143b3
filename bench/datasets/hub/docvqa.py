"""DocVQA (arXiv 2007.00398): questions about scanned pages, answered with words that stand on them.

Its test split has no answers: its validation split is our test, and the trainer's validation comes from its train.
"""

from typing import Any

from bench.datasets.hub.adapter import Adapter, Text, several, short, words


def read(row: dict[str, Any]) -> Text:
    """All answers count; the first is learned, as its authors advise."""
    answers = several(row, "answers")
    return Text(short(words(row, "question")), answers[0], answers=answers, rule="anls")


ADAPTER = Adapter(("question", "answers"), {"train": ("train", "validation"), "validation": ("test",)}, read)
