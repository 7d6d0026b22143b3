"""Side effects: what fine-tuning did to other tasks, by asking the base victim, the clean and the attacked one.

A task is another data set of the suite, or one of lm-eval's own about pictures. Its evaluations are stages like all
others; they belong to a run's row, but not to its identity: played again with them, the row has them from then on.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench import results
from bench.datasets import own
from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import UserError, unknown
from bench.play import run
from bench.play.provenance import command
from bench.play.run import Show, predictions, unseen
from bench.scoring import stats
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL, RunSpec
from bench.stages import stages
from bench.stages.stage import Progress, Stage
from bench.store.artifacts import Artifact, look
from bench.victims import revision

WHO = {"zero": "Base", "clean": "Clean fine-tune", "evaluate": "Attacked"}
"""Who is asked, by the role of a run's stage with the same adapter, and as the display says it."""


def role(who: str, task: str) -> str:
    """What a stage is called among those of a run."""
    return f"{who}@{task}"


def check(tasks: Sequence[str]) -> None:
    """Raises UserError for what is neither a data set nor a task of lm-eval's with pictures and generated answers."""
    from bench.tasks import harness

    for task in tasks:
        if not ours(task) and task not in harness.names():
            raise unknown("side-effects", task, [*EMBEDDED, *HUB, *harness.names()])


def ours(task: str) -> bool:
    """Whether a task is a data set of the suite."""
    return task in EMBEDDED or task in HUB or own.is_own(task)


def asked(spec: RunSpec, task: str) -> dict[str, Stage]:
    """The three evaluations of a task, by role."""
    known = stages.stages(spec)
    adapters = {"zero": None, "clean": known["clean_attack"], "evaluate": known.get("attack")}
    if ours(task):
        other = spec.model_copy(update={"dataset": task})
        return {role(who, task): stages.evaluate(other, adapter, "test") for who, adapter in adapters.items()}
    return {role(who, task): _foreign(spec, adapter, task) for who, adapter in adapters.items()}


def _foreign(spec: RunSpec, adapter: Stage | None, task: str) -> Stage:
    payload = {
        "protocol": PROTOCOL,
        "evaluator": EVALUATOR,
        "task": task,
        "lm_eval": version("lm_eval"),  # its task files come with it
        "adapter": adapter.identity if adapter else None,
        "victim": [spec.victim, revision(spec.victim)],
    }
    title = f"{task} after {adapter.title}" if adapter else f"{task}, zero-shot"
    needs = (adapter,) if adapter else ()
    return Stage("evaluate", title, payload, partial(_ask, spec.victim, adapter, task), needs, (spec.victim,))


def _ask(victim: str, adapter: Stage | None, task: str, folder: Path, progress: Progress) -> None:
    from bench.lvlm.adapters import wearing
    from bench.lvlm.features import remembering
    from bench.stages.side_effects import ask

    loaded = stages.model(victim)
    with wearing(loaded, adapter.folder if adapter else None), remembering(loaded):
        ask(loaded, task, progress).save(folder)


def play(spec: RunSpec, tasks: Sequence[str], show: Show = unseen) -> results.Run:
    """Play a run and save its row, then its side effects, and save it with them. What it had of other tasks stays.

    Raises UserError where the data of a task are not at hand, before anything is played.
    """
    evaluations = {task: asked(spec, task) for task in tasks}
    for task, by_role in evaluations.items():
        if not ours(task) and any(stage.find() is None for stage in by_role.values()):
            from bench.tasks import harness

            harness.load(task)
    row = run.play(spec, show)
    for task, by_role in evaluations.items():
        made = {}
        for name, stage in by_role.items():
            with show(f"{task}: {WHO[name.partition('@')[0]]}") as progress:
                artifact = stage.make(progress)
                progress(1.0, "reused" if artifact.reused else "")
            made[name] = artifact.identity
        row.stages = {**row.stages, **made}
        row.effects = {**(row.effects or {}), task: measure([row.stages], task)}
        row.command = f"{command(spec)} --side-effects {','.join(row.effects)}"
        results.save(row)
    return row


def measure(runs: Sequence[Mapping[str, str]], task: str) -> dict[str, Any]:
    """The side effects of runs that differ in the seed alone, from what their stages, by role, have kept.

    `metric` by its name; `zero`, `clean` and `attacked`: its value (means over seeds); `clean_change` and
    `attacked_change`: against `zero`, with the 95 % interval (paired, over pictures and seeds), or without where the
    metric is not a mean over items; `items` asked `of` how many: the others do not show just one picture.
    """
    kept = {who: [_kept(run, role(who, task)) for run in runs] for who in WHO}
    tables = {who: [predictions(artifact.folder) for artifact in some] for who, some in kept.items()}
    if ours(task):
        items = len(tables["zero"][0])
        told: dict[str, Any] = {"metric": "score", "items": items, "of": items}
        values = {who: float(np.mean([table["score"].mean() for table in some])) for who, some in tables.items()}
    else:
        told = kept["zero"][0].read("metrics.json")
        values = {who: float(np.mean([a.read("metrics.json")["value"] for a in some])) for who, some in kept.items()}
    change = {who: [values[who] - values["zero"]] for who in ("clean", "evaluate")}
    if all("score" in table for some in tables.values() for table in some):
        scores = {who: np.stack([table["score"].to_numpy(float) for table in some]) for who, some in tables.items()}
        pictures = tables["zero"][0]["image_id"].to_numpy()
        change = {who: list(stats.mean(scores[who] - scores["zero"], pictures)) for who in change}
    return {
        **{key: told[key] for key in ("metric", "items", "of")},
        **{"zero": values["zero"], "clean": values["clean"], "attacked": values["evaluate"]},
        **{"clean_change": change["clean"], "attacked_change": change["evaluate"]},
    }


def _kept(run: Mapping[str, str], name: str) -> Artifact:
    artifact = look("evaluate", run[name])
    if artifact is None:
        raise UserError(f"side-effects: the answers of {name} are not on this machine")
    return artifact
