"""A suite before it is played: the distinct stages of its runs, what is finished, and what the rest will cost."""

import gc
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mean
from typing import Any

from bench.play.run import run_id
from bench.spec import RunSpec
from bench.stages.stage import Stage
from bench.stages.stages import References, stages
from bench.store import artifacts


@dataclass(frozen=True)
class Plan:
    """`runs` by identity; `roles`: each run's stages; `stages`: the distinct ones, and data that must be made for them;
    `tasks`: the unfinished of them."""

    runs: dict[str, RunSpec]
    roles: dict[str, dict[str, Stage]]
    stages: dict[str, Stage]
    tasks: dict[str, Stage]

    def needs(self, task: Stage) -> set[str]:
        """The unfinished tasks that a task waits for."""
        return {need.identity for need in task.needs} & self.tasks.keys()


@contextmanager
def uncollected() -> Iterator[None]:
    """While thousands of things are made that stay, nobody looks for garbage: that takes as long as the making."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@uncollected()
def plan(specs: Sequence[RunSpec]) -> Plan:
    """The plan of some runs. Tasks are in an order in which they can be done, those of one model together.

    Data that unfinished stages stand on are tasks too: no two workers render them at once.
    """
    runs = {run_id(spec): spec for spec in specs}
    distinct: dict[str, Stage] = {}
    shared: References = {}
    roles = {
        run: {role: distinct.setdefault(stage.identity, stage) for role, stage in stages(spec, shared).items()}
        for run, spec in runs.items()
    }
    finished = artifacts.finished()
    tasks: dict[str, Stage] = {}
    waiting = list(distinct.values())
    while waiting:
        stage = waiting.pop()
        if stage.identity not in tasks and (stage.kind, stage.identity) not in finished:
            tasks[stage.identity] = distinct.setdefault(stage.identity, stage)
            waiting += stage.needs
    order = {name: place for place, name in enumerate(distinct)}
    ordered = sorted(tasks.values(), key=lambda stage: (stage.depth, stage.models, order[stage.identity]))
    return Plan(runs, roles, distinct, {stage.identity: stage for stage in ordered})


@dataclass(frozen=True)
class Estimate:
    """What a stage will cost, from finished ones: seconds, memory of the process and disk in megabytes.

    None where nothing like it was ever computed here.
    """

    seconds: float | None
    peak_mb: float | None
    disk_mb: float | None


FIELDS = ("seconds", "peak_mb", "disk_mb")

UNKNOWN = Estimate(None, None, None)


class Costs:
    """Means of what finished stages cost on the same data and models: of the same method and options, where there are
    such, else of the same method, else of the same kind. Other data or models say nothing about a stage's cost."""

    def __init__(self, manifests: Iterable[dict[str, Any]]) -> None:
        recorded: dict[str, list[dict[str, float]]] = defaultdict(list)
        for manifest in manifests:
            for key in _keys(manifest["stage"], manifest["payload"]):
                recorded[key].append(manifest["cost"])
        self.means = {key: _mean(costs) for key, costs in recorded.items()}
        self.found: dict[str, Estimate] = {}

    def estimate(self, stage: Stage) -> Estimate:
        """Expected cost of a stage."""
        if stage.identity not in self.found:
            known = (self.means[key] for key in _keys(stage.kind, stage.payload) if key in self.means)
            self.found[stage.identity] = next(known, UNKNOWN)
        return self.found[stage.identity]

    def table(self, plan: Plan) -> list[dict[str, Any]]:
        """One row a kind of stage, and their sum: stages, to do, expected seconds, peak and disk megabytes."""
        counts = Counter(stage.kind for stage in plan.stages.values())
        todo: dict[str, list[Estimate]] = {kind: [] for kind in counts}
        for task in plan.tasks.values():
            todo[task.kind].append(self.estimate(task))
        rows = {**todo, "all": [estimate for estimates in todo.values() for estimate in estimates]}
        counts["all"] = len(plan.stages)
        return [{"stage": k, "stages": counts[k], "to do": len(es), **_total(es)} for k, es in rows.items()]


def _total(estimates: Sequence[Estimate]) -> dict[str, float | None]:
    """Sums, and the largest peak; None where one of them is not known."""
    known = {name: [getattr(e, name) for e in estimates] for name in FIELDS}
    total = {name: None if None in values else values for name, values in known.items()}
    return {
        "seconds": None if total["seconds"] is None else round(sum(total["seconds"])),
        "peak MB": None if total["peak_mb"] is None else round(max(total["peak_mb"], default=0)),
        "disk MB": None if total["disk_mb"] is None else round(sum(total["disk_mb"]), 1),
    }


def _mean(costs: Sequence[dict[str, float]]) -> Estimate:
    values = ([cost[field] for cost in costs if field in cost] for field in FIELDS)
    return Estimate(*(mean(v) if v else None for v in values))


DATA = ("dataset", "original", "validation", "questions")
"""Where a stage's payload names its data."""


def _keys(kind: str, payload: dict[str, Any]) -> Iterator[str]:
    """Names of the groups of stages that cost as much, the most alike first."""
    place = f"{kind} {[payload.get(field) for field in (*DATA, 'victim', 'surrogates')]}"
    method = payload.get("defense") or payload.get("attack")
    options = sorted(payload.get("options", {}).items())
    yield f"{place} {method} {options}"
    yield f"{place} {method}"
    yield place
