"""The functions that the task files name: a data set's documents, their pictures, and the scores of answers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict

from bench import datasets
from bench.lazy import Picture
from bench.scoring import captions
from bench.scoring.rules import AnswerKey, accepted_answers, score_answer


def load_documents(name: str, split: str = "test", **_: Any) -> DatasetDict:
    """Return a clean split as documents: `test` to judge a victim, `validation` for the trainer's own choices.

    A document is a sample without its pixels. `dataset`, `split` and the index `item` say where the pixels are.
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


def doc_to_image(doc: dict[str, Any]) -> list[np.ndarray | Picture]:
    """Return the document's picture as a list of one: its pixels (H, W, 3) uint8, or the file that has them."""
    return [datasets.load(doc["dataset"], doc["split"])[doc["item"]].picture]


def answer_key(doc: dict[str, Any]) -> AnswerKey:
    """Return the fields of a document that the scoring rules read."""
    return AnswerKey(doc["answer"], doc["answers"], doc["choices"], doc["rule"])


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """Return the score of a filtered answer in [0,1]; for a caption also the input of the corpus metrics."""
    (answer,), key = results, answer_key(doc)
    pair = (answer, accepted_answers(key))
    corpus_metrics = {"bleu": pair, "cider": pair} if key.rule == "caption" else {}
    return {"score": score_answer(answer, key), **corpus_metrics}


def corpus_bleu(items: Sequence[tuple[str, Sequence[str]]]) -> float:
    """Return BLEU-4 in [0,1] of pairs of a caption and its references."""
    return captions.bleu(*zip(*items, strict=True))


def corpus_cider(items: Sequence[tuple[str, Sequence[str]]]) -> float:
    """Return CIDEr-D in [0,10] of pairs of a caption and its references."""
    return captions.cider_d(*zip(*items, strict=True))
