"""EVALUATE: questions of a clean split to a victim with an adapter; lm-eval asks, we keep every answer."""

from collections.abc import Callable

import pandas as pd
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

import bench.tasks
from bench.lvlm.base import LVLM
from bench.tasks.model import LVLMForEval


def evaluate(
    victim: LVLM, task: str, split: str, progress: Callable[[float, str], None], batch: int = 96
) -> pd.DataFrame:
    """One row an item: id, image_id, question, target, prediction, correct."""
    manager = TaskManager(include_path=bench.tasks.__path__[0], include_defaults=False, metadata={"split": split})
    report = simple_evaluate(
        model=LVLMForEval(victim, batch, progress),
        tasks=[task],
        task_manager=manager,
        bootstrap_iters=0,
        log_samples=True,
        verbosity="ERROR",
    )
    samples = next(iter(report["samples"].values()))
    rows = [
        {
            "id": s["doc"]["id"],
            "image_id": s["doc"]["image_id"],
            "question": s["doc"]["question"],
            "target": s["target"],
            "prediction": s["filtered_resps"][0],
            "correct": bool(s["exact_match"]),
        }
        for s in samples
    ]
    return pd.DataFrame(rows)
