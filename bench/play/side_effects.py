"""Side effects of a run: what fine-tuning did to other tasks, measured on the base, the clean and the attacked victim.

A task is another data set of the suite, or one of lm-eval's own about pictures. Its evaluations are stages like all
others. They belong to a run's row but not to its identity: when a run is played again with them, its row gains them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.command import format_command
from bench.datasets import own
from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import UserError, unknown_name
from bench.play import run
from bench.play.roles import stages_of
from bench.play.run import OnZeroShot, Show, go_on, no_display
from bench.results import Run, save
from bench.scoring import stats
from bench.spec import RunSpec
from bench.stages import evaluate, side_effects
from bench.stages.stage import Stage
from bench.store import artifacts
from bench.store.artifacts import Artifact
from bench.store.predictions import read_table

MODELS = {"zero": "Base", "clean": "Clean fine-tune", "evaluate": "Attacked"}
"""The three models that are asked: the role of the run's evaluation with the same adapter, and a title."""


def role(model: str, task: str) -> str:
    """Return the role of an evaluation on another task among the stages of a run."""
    return f"{model}@{task}"


def check_tasks(tasks: Sequence[str]) -> None:
    """Raise UserError for what is neither a data set nor a task of lm-eval's with pictures and generated answers."""
    from bench.tasks import lm_eval_tasks

    for task in tasks:
        if not is_dataset(task) and task not in lm_eval_tasks.task_names():
            raise unknown_name("side-effects", task, [*EMBEDDED, *HUB, *lm_eval_tasks.task_names()])


def is_dataset(task: str) -> bool:
    """Tell if a task is a data set of the suite."""
    return task in EMBEDDED or task in HUB or own.is_own(task)


def evaluations(spec: RunSpec, task: str) -> dict[str, Stage]:
    """Return the three evaluations of a task, by role."""
    stages = stages_of(spec)
    adapters = {"zero": None, "clean": stages.get("clean_attack"), "evaluate": stages.get("attack")}
    if is_dataset(task):
        other = spec.model_copy(update={"dataset": task})
        return {role(model, task): evaluate.stage(other, adapter, "test") for model, adapter in adapters.items()}
    return {role(model, task): side_effects.stage(spec.victim, adapter, task) for model, adapter in adapters.items()}


def play_with_side_effects(
    spec: RunSpec, tasks: Sequence[str], show: Show = no_display, on_zero_shot: OnZeroShot = go_on
) -> Run:
    """Play a run and save its row, then its side effects, and save the row with them.

    Side effects on other tasks that the row already has stay. Raises UserError before anything is played where the data
    of a task are not on this machine.
    """
    stages = {task: evaluations(spec, task) for task in tasks}
    for task, by_role in stages.items():
        if not is_dataset(task) and any(stage.find() is None for stage in by_role.values()):
            from bench.tasks import lm_eval_tasks

            lm_eval_tasks.load_task(task)
    row = run.play_run(spec, show, on_zero_shot)
    for task, by_role in stages.items():
        identities = {}
        for name, stage in by_role.items():
            with show(f"{task}: {MODELS[name.partition('@')[0]]}") as progress:
                artifact = stage.make(progress)
                progress(1.0, "reused" if artifact.reused else "")
            identities[name] = artifact.identity
        row.stages = {**row.stages, **identities}
        row.effects = {**(row.effects or {}), task: measure([row.stages], task)}
        row.command = format_command(spec, list(row.effects))
        save(row)
    return row


def measure(runs: Sequence[Mapping[str, str]], task: str) -> dict[str, Any]:
    """Return the side effects of runs that differ in the seed alone, given the stages of each run by role.

    `metric`: its name. `zero`, `clean`, `attacked`: its value, a mean over seeds. `clean_change`, `attacked_change`:
    the difference to `zero`, with its 95 % interval (paired, over pictures and seeds) where the metric is a mean over
    items. `items` were asked `of` so many: the others do not show exactly one picture.
    """
    evaluations = {model: [_evaluation(run, role(model, task)) for run in runs] for model in MODELS}
    tables = {model: [read_table(artifact.folder) for artifact in seeds] for model, seeds in evaluations.items()}
    if is_dataset(task):
        items = len(tables["zero"][0])
        facts: dict[str, Any] = {"metric": "score", "items": items, "of": items}
        values = {model: float(np.mean([table["score"].mean() for table in seeds])) for model, seeds in tables.items()}
    else:
        facts = evaluations["zero"][0].read("metrics.json")
        values = {
            model: float(np.mean([artifact.read("metrics.json")["value"] for artifact in seeds]))
            for model, seeds in evaluations.items()
        }
    change = {model: [values[model] - values["zero"]] for model in ("clean", "evaluate")}
    if all("score" in table for seeds in tables.values() for table in seeds):
        scores = {
            model: np.stack([table["score"].to_numpy(float) for table in seeds]) for model, seeds in tables.items()
        }
        pictures = tables["zero"][0]["image_id"].to_numpy()
        change = {model: list(stats.mean(scores[model] - scores["zero"], pictures)) for model in change}
    return {
        **{key: facts[key] for key in ("metric", "items", "of")},
        **{"zero": values["zero"], "clean": values["clean"], "attacked": values["evaluate"]},
        **{"clean_change": change["clean"], "attacked_change": change["evaluate"]},
    }


def _evaluation(run: Mapping[str, str], name: str) -> Artifact:
    artifact = artifacts.peek("evaluate", run[name])
    if artifact is None:
        raise UserError(f"side-effects: the answers of {name} are not on this machine")
    return artifact
