"""Stop before the dear stages where zero-shot answers are so good that clean data cannot add the gain that counts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from bench.errors import UserError
from bench.play.plan import Plan
from bench.play.roles import NO_DEFENSE
from bench.play.run import mean_score
from bench.scoring.protection import ELIGIBLE_GAIN
from bench.spec import Method, RunSpec
from bench.stages.stage import Stage
from bench.store.artifacts import list_finished

HIGHEST_ZERO_SHOT = 1 - ELIGIBLE_GAIN
"""The zero-shot accuracy above which no cell can be eligible: accuracy ends at 1."""

ALTERNATIVE = "vqa-rad"
"""A data set of which published models know little, and which is small and free."""


class NothingToGain(UserError):
    """An error about a run whose zero-shot accuracy is too high."""


class Saturated(NamedTuple):
    """Runs that cannot be eligible: their data set and victim, its zero-shot accuracy in [0,1], and their number."""

    dataset: str
    victim: str
    zero_shot: float
    runs: int


class Worthwhile(NamedTuple):
    """The runs of a plan that are worth playing, and the others by identity.

    saturated: zero-shot accuracy in [0,1] of those that cannot be eligible. waiting: those without a zero-shot result.
    """

    plan: Plan
    saturated: dict[str, float]
    waiting: list[str]


def is_zero_shot(spec: RunSpec) -> bool:
    """Tell if a run is the zero-shot evaluation itself, which nothing dear follows."""
    return spec.defense == NO_DEFENSE and spec.attack == Method(name="none")


def check_zero_shot(spec: RunSpec, accuracy: float) -> None:
    """Raise NothingToGain for a run that cannot be eligible with such a zero-shot accuracy, in [0,1]."""
    if accuracy > HIGHEST_ZERO_SHOT and not is_zero_shot(spec):
        other = f"`bench data prepare {ALTERNATIVE}` and --dataset {ALTERNATIVE}, "
        raise NothingToGain(
            f"zero-shot: {spec.victim!r} answers {accuracy:.1%} of {spec.dataset!r} before any training, so clean data "
            f"cannot add the {100 * ELIGIBLE_GAIN:.0f} points from which protection counts; allowed: "
            f"{'' if spec.dataset == ALTERNATIVE else other}your own data with `bench data check PATH` and "
            "--dataset PATH, or --force to go on"
        )


def zero_shot_plan(plan: Plan) -> Plan:
    """Return the plan of the zero-shot evaluations alone that are not finished, and of the data that they need."""
    tasks: dict[str, Stage] = {}
    waiting = list(_distinct(_zero_shot_stages(plan)))
    while waiting:
        stage = waiting.pop()
        if stage.identity not in tasks and stage.find() is None:
            tasks[stage.identity] = stage
            waiting += stage.needs
    return replace(plan, runs={}, roles={}, tasks=tasks)


def find_saturated(plan: Plan) -> dict[str, float]:
    """Return the zero-shot accuracy, by identity, of the unfinished runs of a plan that are known to be saturated."""
    results = _read_zero_shots(plan)
    return {
        run: accuracy
        for run, accuracy in results.items()
        if accuracy > HIGHEST_ZERO_SHOT
        and not plan.tasks.keys().isdisjoint(stage.identity for stage in plan.roles[run].values())
    }


def keep_worthwhile(plan: Plan) -> Worthwhile:
    """Return a plan without the runs that cannot be eligible, or whose zero-shot evaluation is not finished."""
    saturated, results = find_saturated(plan), _read_zero_shots(plan)
    waiting = [run for run in _zero_shot_stages(plan) if run not in results]
    runs = {run: spec for run, spec in plan.runs.items() if run not in {*saturated, *waiting}}
    roles = {run: plan.roles[run] for run in runs}
    needed: dict[str, Stage] = {}
    pending = [stage for by_role in roles.values() for stage in by_role.values()]
    while pending:
        stage = pending.pop()
        if stage.identity not in needed:
            needed[stage.identity] = stage
            pending += stage.needs
    finished = list_finished()
    tasks = {
        name: task for name, task in plan.tasks.items() if name in needed and (task.kind, task.identity) not in finished
    }
    return Worthwhile(replace(plan, runs=runs, roles=roles, tasks=tasks), saturated, waiting)


def group_saturated(plan: Plan, saturated: Mapping[str, float]) -> list[Saturated]:
    """Return one entry for each data set and victim, in the order of the plan."""
    counts = Counter((plan.runs[run].dataset, plan.runs[run].victim, value) for run, value in saturated.items())
    return [Saturated(*cell, count) for cell, count in counts.items()]


def _zero_shot_stages(plan: Plan) -> dict[str, Stage]:
    return {run: plan.roles[run]["zero"] for run, spec in plan.runs.items() if not is_zero_shot(spec)}


def _distinct(stages: Mapping[str, Stage]) -> Iterable[Stage]:
    return {stage.identity: stage for stage in stages.values()}.values()


def _read_zero_shots(plan: Plan) -> dict[str, float]:
    """Return the zero-shot accuracy of the runs whose evaluation is finished, by identity."""
    stages = _zero_shot_stages(plan)
    artifacts = {stage.identity: stage.find() for stage in _distinct(stages)}
    means = {name: mean_score(artifact) for name, artifact in artifacts.items() if artifact is not None}
    return {run: means[stage.identity] for run, stage in stages.items() if stage.identity in means}
