"""What the task files call: a data set's documents, their pictures, and the scores of filtered answers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict

from bench import datasets
from bench.scoring import captions
from bench.scoring.rules import Key, accepted, score


def load(name: str, split: str = "test", **_: Any) -> DatasetDict:
    """The clean split that a victim is judged on: `test`, or `validation` for the trainer's own choices.

    A document is a sample without its pixels, and where to find them: `dataset`, `split` and the index `item`.
    """
    rows = [
        {
            **{"id": s.id, "image_id": s.image_id, "question": s.question, "answer": s.answer, "rule": s.rule},
            **{"answers": list(s.answers), "choices": list(s.choices)},
            **{"dataset": name, "split": split, "item": item},
        }
        for item, s in enumerate(datasets.load(name, split))
    ]
    return DatasetDict({"test": Dataset.from_list(rows)})


def image(doc: dict[str, Any]) -> list[np.ndarray]:
    """The document's picture, (H, W, 3) uint8."""
    return [datasets.load(doc["dataset"], doc["split"])[doc["item"]].pixels]


def key(doc: dict[str, Any]) -> Key:
    """What the rules read of a document."""
    return Key(doc["answer"], doc["answers"], doc["choices"], doc["rule"])


def process(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """The score of a filtered answer in [0,1]; of a caption also what the corpus metrics are made of."""
    (answer,), judged = results, key(doc)
    whole = (answer, accepted(judged))
    more = {"bleu": whole, "cider": whole} if judged.rule == "caption" else {}
    return {"score": score(answer, judged), **more}


def bleu(items: Sequence[tuple[str, Sequence[str]]]) -> float:
    """BLEU-4 in [0,1] of (caption, references)."""
    return captions.bleu(*zip(*items, strict=True))


def cider(items: Sequence[tuple[str, Sequence[str]]]) -> float:
    """CIDEr-D in [0,10] of (caption, references)."""
    return captions.cider_d(*zip(*items, strict=True))
