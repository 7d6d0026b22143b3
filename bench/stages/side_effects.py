"""SIDE EFFECTS: the answers of a victim to one of lm-eval's own tasks about pictures, and its headline metric."""

from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import victims
from bench.errors import UserError
from bench.progress import Progress
from bench.scoring.matching import EVALUATOR
from bench.stages.stage import Stage, name_stage
from bench.store.predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

    from bench.lvlm.base import LVLM

SEED = 0


def stage(victim: str, adapter: Stage | None, task: str) -> Stage:
    """Return the evaluation of a victim on a task of lm-eval's, with the adapter of an attack or without."""
    payload = {
        "evaluator": EVALUATOR,
        "task": task,
        "lm_eval": version("lm_eval"),  # the task files come with it
        "adapter": adapter.identity if adapter else None,
        "victim": [victim, victims.revision(victim)],
    }
    title = f"{task} after {adapter.title}" if adapter else f"{task}, zero-shot"
    needs = (adapter,) if adapter else ()
    return name_stage("evaluate", title, payload, partial(_work, victim, adapter, task), needs, (victim,))


def _work(victim: str, adapter: Stage | None, task: str, folder: Path, progress: Progress) -> None:
    from bench.lvlm.adapters import use_adapter
    from bench.lvlm.catalog import load_once
    from bench.lvlm.features import cache_features

    loaded = load_once(victim)
    with use_adapter(loaded, adapter.folder if adapter else None), cache_features(loaded):
        ask(loaded, task, progress).save(folder)


def ask(victim: "LVLM", name: str, progress: Progress, batch: int = 96) -> Predictions:
    """Ask the items of a task, or of every task of a group, that show exactly one picture.

    The headline metric is the first one that the task names; the metrics are its name under `metric`, its `value`, and
    how many `items` were asked `of` how many. Raises UserError where the data of a task are not on this machine, or
    where none of its items shows exactly one picture.
    """
    from lm_eval import evaluate

    from bench.runtime import seed_everything
    from bench.tasks import lm_eval_tasks
    from bench.tasks.model import LVLMForEval, as_list

    group = lm_eval_tasks.load_task(name)
    chosen: dict[str, list[int]] = {}
    total = 0
    for label, task in group["tasks"].items():
        counts = [len(as_list(task.doc_to_image(doc))) for doc in task.eval_docs]
        chosen[label] = [item for item, count in enumerate(counts) if count == 1]
        total += len(counts)
        if not chosen[label]:
            raise UserError(f"side-effects: {label}: none of its {len(counts)} items shows just one picture")
        task.set_fewshot_seed(SEED)
    seed_everything(SEED)  # MMMU draws an option at random where it finds none in an answer
    report = evaluate(LVLMForEval(victim, batch, progress), group, samples=chosen, bootstrap_iters=0, log_samples=True)
    metric, filter_name = _headline(next(iter(group["tasks"].values())).config)
    log = [
        {"task": task, **_record(sample)}
        for task, samples in report["samples"].items()
        for sample in samples
        if sample["filter"] == filter_name
    ]
    value = float(report["results"][name][f"{metric},{filter_name}"])
    metrics = {"metric": metric, "value": value, "items": len(log), "of": total}
    return Predictions(_table(log, metric, value), metrics, log)


def _headline(config: Any) -> tuple[str, str]:
    """Return the names of a task's first metric and first filter."""
    metric, filters = config.metric_list[0]["metric"], config.filter_list or [{"name": "none"}]
    return metric if isinstance(metric, str) else metric.__name__, filters[0]["name"]


def _table(log: list[dict[str, Any]], metric: str, value: float) -> "pd.DataFrame":
    """Return one row an item, with scores where the metric is their mean."""
    import numpy as np
    import pandas as pd

    ids = [f"{record['task']}/{record['doc_id']}" for record in log]
    targets = [str(record["target"]) for record in log]
    answers = [str(record["filtered_resps"][0]) for record in log]
    table = pd.DataFrame({"id": ids, "image_id": ids, "target": targets, "prediction": answers})
    scores = [record[metric] for record in log]
    if all(isinstance(score, bool | int | float) for score in scores) and np.isclose(np.mean(scores), value):
        table["score"] = np.asarray(scores, float)
    return table


def _record(sample: dict[str, Any]) -> dict[str, Any]:
    """Return a logged sample without its pictures."""
    doc = {key: value for key, value in sample["doc"].items() if isinstance(value, str | int | float | bool | list)}
    return {**sample, "doc": doc, "arguments": [arguments[:2] for arguments in sample["arguments"]]}
