"""EVALUATE: every answer of a victim, with an adapter or without, to the questions of a clean split.

lm-eval asks and scores; every answer is kept.
"""

from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import victims
from bench.progress import Progress
from bench.scoring.matching import EVALUATOR
from bench.spec import RunSpec
from bench.stages import dataset
from bench.stages.stage import Stage, name_stage
from bench.store.predictions import Predictions

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM

METRICS = {"score": "score,strict", "lenient": "score,lenient", "bleu": "bleu,strict", "cider": "cider,strict"}
"""Our names of lm-eval's results."""


def stage(spec: RunSpec, adapter: Stage | None, split: str, place: str = "") -> Stage:
    """Return the evaluation of the victim on a split; `place` is the adapter's folder inside the attack's artefact."""
    questions = dataset.stage(spec.dataset, split)
    payload = {
        "evaluator": EVALUATOR,
        "questions": questions.identity,
        "adapter": adapter.identity if adapter else None,
        "victim": [spec.victim, victims.revision(spec.victim)],
        **({"place": place} if place else {}),
    }
    title = f"{split} after {adapter.title}" if adapter else f"{split}, zero-shot"
    title += f", {place}" if place else ""
    needs = (questions, adapter) if adapter else (questions,)
    return name_stage("evaluate", title, payload, partial(_work, spec, adapter, split, place), needs, (spec.victim,))


def _work(spec: RunSpec, adapter: Stage | None, split: str, place: str, folder: Path, progress: Progress) -> None:
    from bench.lvlm.adapters import use_adapter
    from bench.lvlm.catalog import load_once
    from bench.lvlm.features import cache_features

    victim = load_once(spec.victim)
    with use_adapter(victim, adapter.folder / place if adapter else None), cache_features(victim):
        evaluate(victim, spec.dataset, split, progress).save(folder)


def evaluate(victim: "LVLM", name: str, split: str, progress: Progress, batch: int = 96) -> Predictions:
    """Ask every question of a split once. A data set without a task file of its own uses the task `own`.

    The metrics are the means of `score` (strict) and `lenient`, both in [0,1], the number of `items`, and for captions
    also bleu in [0,1] and cider (CIDEr-D) in [0,10].
    """
    import lm_eval
    import pandas as pd
    from lm_eval.tasks import TaskManager

    import bench.tasks.filters  # registers the filters that the task files name
    from bench.tasks.model import LVLMForEval

    manager = TaskManager(
        include_path=bench.tasks.__path__[0], include_defaults=False, metadata={"name": name, "split": split}
    )
    task = name if name in manager.all_tasks else "own"
    # `simple_evaluate` would also ask pip and the compilers of this machine for their versions, which takes seconds.
    report = lm_eval.evaluate(
        LVLMForEval(victim, batch, progress), manager.load([task]), bootstrap_iters=0, log_samples=True
    )
    waiting = deque(report["samples"].pop(task))
    log = [_record(waiting.popleft()) for _ in range(len(waiting))]  # lm-eval's own records go one by one
    strict, lenient = ([record for record in log if record["filter"] == kind] for kind in ("strict", "lenient"))
    table = pd.DataFrame([_row(*pair) for pair in zip(strict, lenient, strict=True)])
    results = report["results"][task]
    metrics = {ours: results[theirs] for ours, theirs in METRICS.items() if theirs in results}
    return Predictions(table, {**metrics, "items": len(table)}, log)


def _row(strict: Mapping[str, Any], lenient: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of one item from its records under the two filters."""
    return {
        **{key: strict["doc"][key] for key in ("id", "image_id", "question")},
        "target": strict["target"],
        "prediction": strict["resps"][0][0],
        "score": strict["score"],
        "lenient": lenient["score"],
    }


def _record(sample: dict[str, Any]) -> dict[str, Any]:
    """Return a logged sample without its picture, and without what corpus metrics repeat of it."""
    arguments = [argument[:2] for argument in sample["arguments"]]
    return {key: value for key, value in sample.items() if key not in {"bleu", "cider"}} | {"arguments": arguments}
