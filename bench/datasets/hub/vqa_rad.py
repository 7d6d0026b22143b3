"""VQA-RAD (Lau et al., Scientific Data 2018): radiographs; yes or no, or a short answer.

Its official splits divide the questions (1,793 and 451, about 314 pictures in all), so one picture can be in both.
We divide it again, by picture.
"""

from typing import Any

from bench.datasets.hub.adapter import Adapter, RowTexts, ask_for_phrase, read_text
from bench.datasets.splits import SPLITS


def read(row: dict[str, Any]) -> RowTexts:
    """Ask the question; it has one answer."""
    return RowTexts(ask_for_phrase(read_text(row, "question")), read_text(row, "answer"))


ADAPTER = Adapter(("question", "answer"), {"train": SPLITS, "test": SPLITS}, read)
