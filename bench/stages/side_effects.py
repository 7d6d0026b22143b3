"""What a victim makes of one of lm-eval's own tasks: its answers and the task's headline metric."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from lm_eval import evaluate

from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.runtime import seed_everything
from bench.tasks import harness
from bench.tasks.model import LVLMForEval, visuals

SEED = 0


class Answers(NamedTuple):
    """What is kept.

    table: one row an item: id, image_id, target, prediction and, where the metric is a mean over the items, score.
    metrics: the headline `metric` by its name, its `value`, how many `items` were asked `of` how many.
    log: lm-eval's own, one record an item, without pictures.
    """

    table: pd.DataFrame
    metrics: dict[str, Any]
    log: list[dict[str, Any]]

    def save(self, folder: Path) -> None:
        """Write `predictions.parquet`, `metrics.json` and `samples.jsonl.gz`."""
        self.table.to_parquet(folder / "predictions.parquet")
        (folder / "metrics.json").write_text(json.dumps(self.metrics, indent=1, sort_keys=True), encoding="utf-8")
        lines = "".join(json.dumps(record, ensure_ascii=False, default=str) + "\n" for record in self.log)
        (folder / "samples.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))


def ask(victim: LVLM, name: str, progress: Callable[[float, str], None], batch: int = 96) -> Answers:
    """Ask a task, or every task of a group, the items that show one picture. The headline metric is the first named.

    Raises UserError where a task's data are not at hand, or where none of its items shows just one picture.
    """
    found = harness.load(name)
    asked: dict[str, list[int]] = {}
    total = 0
    for task, one in found["tasks"].items():
        counts = [len(visuals(one.doc_to_image(doc))) for doc in one.eval_docs]
        asked[task] = [item for item, count in enumerate(counts) if count == 1]
        total += len(counts)
        if not asked[task]:
            raise UserError(f"side-effects: {task}: none of its {len(counts)} items shows just one picture")
        one.set_fewshot_seed(SEED)
    seed_everything(SEED)  # MMMU draws an option where it finds none in an answer
    report = evaluate(LVLMForEval(victim, batch, progress), found, samples=asked, bootstrap_iters=0, log_samples=True)
    metric, chosen = _headline(next(iter(found["tasks"].values())).config)
    log = [
        {"task": task, **_record(sample)}
        for task, samples in report["samples"].items()
        for sample in samples
        if sample["filter"] == chosen
    ]
    value = float(report["results"][name][f"{metric},{chosen}"])
    metrics = {"metric": metric, "value": value, "items": len(log), "of": total}
    return Answers(_table(log, metric, value), metrics, log)


def _headline(config: Any) -> tuple[str, str]:
    """The first metric and the first filter of a task."""
    metric, filters = config.metric_list[0]["metric"], config.filter_list or [{"name": "none"}]
    return metric if isinstance(metric, str) else metric.__name__, filters[0]["name"]


def _table(log: list[dict[str, Any]], metric: str, value: float) -> pd.DataFrame:
    ids = [f"{record['task']}/{record['doc_id']}" for record in log]
    said = {"target": [str(r["target"]) for r in log], "prediction": [str(r["filtered_resps"][0]) for r in log]}
    table = pd.DataFrame({"id": ids, "image_id": ids, **said})
    scores = [record[metric] for record in log]
    plain = all(isinstance(score, bool | int | float) for score in scores)
    return table.assign(score=np.asarray(scores, float)) if plain and np.isclose(np.mean(scores), value) else table


def _record(sample: dict[str, Any]) -> dict[str, Any]:
    """A logged sample without its pictures."""
    doc = {key: value for key, value in sample["doc"].items() if isinstance(value, str | int | float | bool | list)}
    return {**sample, "doc": doc, "arguments": [arguments[:2] for arguments in sample["arguments"]]}
