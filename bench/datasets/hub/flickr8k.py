"""Flickr8k (Hodosh et al., JAIR 2013): photographs with five captions each."""

from typing import Any

from bench.datasets.hub.adapter import Adapter, RowTexts, read_text

CAPTIONS = tuple(f"caption_{number}" for number in range(5))
QUESTION = "Describe the picture in one sentence."


def read(row: dict[str, Any]) -> RowTexts:
    """Train on the first caption; all five are references."""
    captions = tuple(read_text(row, column) for column in CAPTIONS)
    return RowTexts(QUESTION, captions[0], answers=captions, rule="caption")


ADAPTER = Adapter(CAPTIONS, {"train": ("train",), "validation": ("validation",), "test": ("test",)}, read)
