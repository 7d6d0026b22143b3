"""A suite before it is played: the distinct stages of its runs, what is finished, and what the rest will cost."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from bench.engine.local import run_id
from bench.engine.stage import Stage
from bench.engine.stages import stages
from bench.spec import RunSpec, identity
from bench.store import artifacts


@dataclass(frozen=True)
class Plan:
    """`runs` by identity; `roles`: each run's stages; `stages`: the distinct ones; `tasks`: the unfinished of them."""

    runs: dict[str, RunSpec]
    roles: dict[str, dict[str, Stage]]
    stages: dict[str, Stage]
    tasks: dict[str, Stage]

    def needs(self, task: Stage) -> set[str]:
        """The unfinished tasks that a task waits for."""
        return {need.identity for need in task.needs} & self.tasks.keys()


def plan(specs: Sequence[RunSpec]) -> Plan:
    """The plan of some runs. Tasks are in an order in which they can be done, those of one model together."""
    runs = {run_id(spec): spec for spec in specs}
    roles = {run: stages(spec) for run, spec in runs.items()}
    distinct = {stage.identity: stage for parts in roles.values() for stage in parts.values()}
    finished = artifacts.finished()
    tasks = [stage for stage in distinct.values() if (stage.kind, stage.identity) not in finished]
    tasks.sort(key=lambda stage: (stage.depth, stage.models))
    return Plan(runs, roles, distinct, {stage.identity: stage for stage in tasks})


@dataclass(frozen=True)
class Estimate:
    """What a stage will cost, from finished ones: seconds, memory of the process and disk in megabytes.

    None where nothing like it was ever computed here.
    """

    seconds: float | None
    peak_mb: float | None
    disk_mb: float | None


class Costs:
    """Means of what finished stages cost on the same data and models: of the same method and options, where there are
    such, else of the same method, else of the same kind. Other data or models say nothing about a stage's cost."""

    FIELDS = ("seconds", "peak_mb", "disk_mb")

    def __init__(self, manifests: Iterable[dict[str, Any]]) -> None:
        self.recorded: dict[str, list[dict[str, float]]] = defaultdict(list)
        for manifest in manifests:
            for key in _keys(manifest["stage"], manifest["payload"]):
                self.recorded[key].append(manifest["cost"])

    def estimate(self, stage: Stage) -> Estimate:
        """Expected cost of a stage."""
        found = next((self.recorded[k] for k in _keys(stage.kind, stage.payload) if k in self.recorded), [])
        values = ([cost[field] for cost in found if field in cost] for field in self.FIELDS)
        return Estimate(*(mean(v) if v else None for v in values))

    def table(self, plan: Plan) -> list[dict[str, Any]]:
        """One row a kind of stage, and their sum: stages, to do, expected seconds, peak and disk megabytes."""
        rows = []
        for kind in dict.fromkeys(stage.kind for stage in plan.stages.values()):
            todo = [self.estimate(task) for task in plan.tasks.values() if task.kind == kind]
            count = sum(stage.kind == kind for stage in plan.stages.values())
            rows.append({"stage": kind, "stages": count, "to do": len(todo), **_total(todo)})
        every = [self.estimate(task) for task in plan.tasks.values()]
        return [*rows, {"stage": "all", "stages": len(plan.stages), "to do": len(every), **_total(every)}]


def _total(estimates: Sequence[Estimate]) -> dict[str, float | None]:
    """Sums, and the largest peak; None where one of them is not known."""
    known = {name: [getattr(e, name) for e in estimates] for name in Costs.FIELDS}
    total = {name: None if None in values else values for name, values in known.items()}
    return {
        "seconds": None if total["seconds"] is None else round(sum(total["seconds"])),
        "peak MB": None if total["peak_mb"] is None else round(max(total["peak_mb"], default=0)),
        "disk MB": None if total["disk_mb"] is None else round(sum(total["disk_mb"]), 1),
    }


DATA = ("dataset", "original", "validation", "questions")
"""Where a stage's payload names its data."""


def _keys(kind: str, payload: dict[str, Any]) -> list[str]:
    """Names of the groups of stages that cost as much, the most alike first."""
    place = [kind, [payload.get(field) for field in DATA], payload.get("victim"), payload.get("surrogates")]
    method = payload.get("defense") or payload.get("attack")
    groups = [[*place, method, payload.get("options")], [*place, method], place]
    return [identity(group) for group in groups]
