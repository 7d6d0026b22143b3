"""TextVQA (arXiv 1904.08920): questions about text in photographs, ten people's answers each.

Its test split has no answers: its validation split is our test, and the trainer's validation comes from its train.
"""

from collections import Counter
from typing import Any

from bench.datasets.hub.adapter import Adapter, Text, several, short, words


def read(row: dict[str, Any]) -> Text:
    """All answers are kept; what is learned is the most frequent, of equally frequent ones the first."""
    answers = several(row, "answers")
    majority = Counter(answers).most_common(1)[0][0]
    return Text(short(words(row, "question")), majority, answers=answers, rule="vqa")


ADAPTER = Adapter(("question", "answers"), {"train": ("train", "validation"), "validation": ("test",)}, read)
