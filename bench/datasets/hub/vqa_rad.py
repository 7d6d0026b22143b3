"""VQA-RAD (Lau et al., Scientific Data 2018): radiographs; yes or no, or a short answer.

Its official splits divide questions (1,793 and 451, on 314 pictures in all), so that one picture stands in both: they
are divided anew, by picture.
"""

from typing import Any

from bench.datasets.hub.adapter import Adapter, Text, short, words
from bench.datasets.splits import SPLITS


def read(row: dict[str, Any]) -> Text:
    """The question and its one answer."""
    return Text(short(words(row, "question")), words(row, "answer"))


ADAPTER = Adapter(("question", "answer"), {"train": SPLITS, "test": SPLITS}, read)
