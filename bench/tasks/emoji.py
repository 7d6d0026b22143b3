"""What the emoji tasks call: the data, the picture of a document, the score of an answer."""

from typing import Any

from datasets import DatasetDict
from PIL import Image

from bench.datasets import load
from bench.scoring.matching import matches


def catalog(split: str = "test", **_: Any) -> DatasetDict:
    """The clean split that a victim is judged on: `test`, or `validation` for the trainer's own choices."""
    return DatasetDict({"test": load("emoji_catalog", split).dataset()})


def smoke(split: str = "test", **_: Any) -> DatasetDict:
    """The same of `emoji_smoke`."""
    return DatasetDict({"test": load("emoji_smoke", split).dataset()})


def image(doc: dict[str, Any]) -> list[Image.Image]:
    """The document's picture."""
    return [doc["image"]]


def score(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """1 for the right name, else 0."""
    return {"exact_match": float(matches(results[0], doc["answer"]))}
