"""Flickr8k (Hodosh et al., JAIR 2013): photographs with five captions each."""

from typing import Any

from bench.datasets.hub.adapter import Adapter, Text, words

CAPTIONS = tuple(f"caption_{number}" for number in range(5))
QUESTION = "Describe the picture in one sentence."


def read(row: dict[str, Any]) -> Text:
    """The first caption is learned; all five are references."""
    captions = tuple(words(row, column) for column in CAPTIONS)
    return Text(QUESTION, captions[0], answers=captions, rule="caption")


ADAPTER = Adapter(CAPTIONS, {"train": ("train",), "validation": ("validation",), "test": ("test",)}, read)
