"""EVALUATE: questions of a clean split to a victim with an adapter; lm-eval asks and judges, we keep every answer."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lm_eval
import pandas as pd
from lm_eval.tasks import TaskManager

import bench.tasks.filters  # registers them
from bench.lvlm.base import LVLM
from bench.tasks.model import LVLMForEval

METRICS = {"score": "score,strict", "lenient": "score,lenient", "bleu": "bleu,strict", "cider": "cider,strict"}
"""Our names of lm-eval's results."""


class Evaluation(NamedTuple):
    """What is kept of one evaluation.

    table: one row an item: id, image_id, question, target, prediction (the raw response), score (strict, in [0,1]),
    lenient (in [0,1]). metrics: means of the two; of captions also bleu (in [0,1]) and cider (CIDEr-D, in [0,10]).
    log: lm-eval's own log, one record an item and filter, without pictures.
    """

    table: pd.DataFrame
    metrics: dict[str, float]
    log: list[dict[str, Any]]

    def save(self, folder: Path) -> None:
        """Write `predictions.parquet`, `metrics.json` and `samples.jsonl.gz`."""
        self.table.to_parquet(folder / "predictions.parquet")
        metrics = {**self.metrics, "items": len(self.table)}
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=1, sort_keys=True), encoding="utf-8")
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in self.log)
        (folder / "samples.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))


def evaluate(
    victim: LVLM, dataset: str, split: str, progress: Callable[[float, str], None], batch: int = 96
) -> Evaluation:
    """Ask every question of a split once. A data set without a task file of its own is played by the task `own`."""
    manager = TaskManager(
        include_path=bench.tasks.__path__[0], include_defaults=False, metadata={"name": dataset, "split": split}
    )
    task = dataset if dataset in manager.all_tasks else "own"
    # Not `simple_evaluate`, which also asks pip and the compilers of this machine what they are, for seconds.
    report = lm_eval.evaluate(
        LVLMForEval(victim, batch, progress), manager.load([task]), bootstrap_iters=0, log_samples=True
    )
    log = [_record(sample) for sample in report["samples"][task]]
    strict, lenient = ([r for r in log if r["filter"] == name] for name in ("strict", "lenient"))
    rows = [
        {
            **{key: a["doc"][key] for key in ("id", "image_id", "question")},
            "target": a["target"],
            "prediction": a["resps"][0][0],
            "score": a["score"],
            "lenient": b["score"],
        }
        for a, b in zip(strict, lenient, strict=True)
    ]
    results = report["results"][task]
    return Evaluation(pd.DataFrame(rows), {ours: results[its] for ours, its in METRICS.items() if its in results}, log)


def _record(sample: dict[str, Any]) -> dict[str, Any]:
    """A logged sample without its picture, and without what corpus metrics repeat of it."""
    told = [arguments[:2] for arguments in sample["arguments"]]
    return {key: value for key, value in sample.items() if key not in {"bleu", "cider"}} | {"arguments": told}
