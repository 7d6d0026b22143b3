"""The expected cost of a plan: a table by kind of stage, and the time that it takes with some workers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from typing import Any, NamedTuple

from bench.engine.costs import FIELDS, Costs, StageCost
from bench.play.cost_model import H100, CostModel, Estimate, assumed_speed, download_gigabytes, is_real
from bench.play.plan import Plan, without_garbage_collection
from bench.stages.stage import Stage


class Estimates(Costs):
    """Costs of finished stages where there are any like it, else arithmetic for plans on real models.

    manifests: those of finished stages, on this machine.
    """

    def __init__(self, plan: Plan, manifests: Sequence[dict[str, Any]]) -> None:
        super().__init__(manifests)
        names = {spec.dataset for spec in plan.runs.values() if is_real(spec.victim)}
        self.model = CostModel(names, manifests, assumed_speed()) if names else None
        self.computed: dict[str, Estimate | None] = {}

    def estimate(self, stage: Stage) -> StageCost:
        """Return the expected cost of a stage."""
        measured = super().estimate(stage)
        if measured.seconds is not None or (expected := self.compute(stage)) is None:
            return measured
        return StageCost(expected.seconds, 1000 * expected.host_gb, 1000 * expected.disk_gb)

    def compute(self, stage: Stage) -> Estimate | None:
        """Return the cost of a stage by arithmetic alone; None where that is not possible."""
        if self.model is not None and stage.identity not in self.computed:
            self.computed[stage.identity] = self.model.estimate(stage.kind, stage.payload)
        return self.computed.get(stage.identity)

    def gpu_seconds(self, stage: Stage) -> float | None:
        """Return the expected seconds of a stage on a GPU: on this machine's, or on an H100 where none is seen."""
        if self.model is None or self.model.speed is H100:
            return self.estimate(stage).seconds
        expected = self.compute(stage)
        return None if expected is None else expected.h100_seconds


class RealCost(NamedTuple):
    """The cost of what is left of a plan that has real models.

    gpu_hours: None where the size of a model is not known. gpu_gb, host_gb: the largest peaks. disk_gb: of artefacts.
    download_gb: of models and data that are not on this machine.
    """

    gpu_hours: float | None
    gpu_gb: float
    host_gb: float
    disk_gb: float
    download_gb: float


def real_cost(plan: Plan, estimates: Estimates) -> RealCost | None:
    """Return the cost of a plan on real models, None for a plan without them."""
    if estimates.model is None:
        return None
    tasks = list(plan.tasks.values())
    costs = [estimates.estimate(task) for task in tasks]
    seconds = [estimates.gpu_seconds(task) for task in tasks if any(map(is_real, task.models))]
    known = [value for value in seconds if value is not None]
    arithmetic = map(estimates.compute, tasks)
    names = {name for task in tasks for name in task.models}
    data = {spec.dataset for spec in plan.runs.values()} if tasks else set()
    return RealCost(
        round(sum(known) / 3600, 3) if len(known) == len(seconds) else None,
        round(max((cost.gpu_gb for cost in arithmetic if cost is not None), default=0.0), 1),
        round(max((cost.peak_mb or 0.0 for cost in costs), default=0.0) / 1000, 1),
        round(sum(cost.disk_mb or 0.0 for cost in costs) / 1000, 1),
        round(download_gigabytes(names, data), 1),
    )


def cost_table(plan: Plan, costs: Costs) -> list[dict[str, Any]]:
    """Return one row a kind of stage, and their sum: stages, to do, expected seconds, peak and disk megabytes."""
    counts = Counter(stage.kind for stage in plan.stages.values())
    estimates: dict[str, list[StageCost]] = {kind: [] for kind in counts}
    for task in plan.tasks.values():
        estimates[task.kind].append(costs.estimate(task))
    rows = {**estimates, "all": [cost for kind in estimates.values() for cost in kind]}
    counts["all"] = len(plan.stages)
    return [{"stage": kind, "stages": counts[kind], "to do": len(row), **_total(row)} for kind, row in rows.items()]


def _total(costs: Sequence[StageCost]) -> dict[str, float | None]:
    """Return sums, and the largest peak. None where one of the values is not known."""
    columns = {name: [getattr(cost, name) for cost in costs] for name in FIELDS}
    known = {name: None if None in values else values for name, values in columns.items()}
    return {
        "seconds": None if known["seconds"] is None else round(sum(known["seconds"])),
        "peak MB": None if known["peak_mb"] is None else round(max(known["peak_mb"], default=0)),
        "disk MB": None if known["disk_mb"] is None else round(sum(known["disk_mb"]), 1),
    }


def task_seconds(plan: Plan, costs: Costs) -> dict[str, float] | None:
    """Return the expected seconds of each task, by identity. None where those of one task are not known."""
    estimates = {name: costs.estimate(task).seconds for name, task in plan.tasks.items()}
    known = {name: seconds for name, seconds in estimates.items() if seconds is not None}
    return known if len(known) == len(estimates) else None


@without_garbage_collection()
def predict_seconds(plan: Plan, workers: int, seconds: Mapping[str, float]) -> float:
    """Return the seconds from the first start to the last end, on `workers` that take `seconds[identity]` for a task.

    The result is at least the longest chain of tasks and at least their sum over the workers; it is at most their sum.
    Raises KeyError where the seconds of a task are missing.
    """
    names = list(plan.tasks)
    position = {name: number for number, name in enumerate(names)}
    graph = TopologicalSorter({name: plan.needs(task) for name, task in plan.tasks.items()})
    graph.prepare()
    ready = sorted(position[name] for name in graph.get_ready())
    busy: list[tuple[float, int]] = []
    now = 0.0
    while ready or busy:
        while ready and len(busy) < workers:
            task = heappop(ready)
            heappush(busy, (now + seconds[names[task]], task))
        now, task = heappop(busy)
        graph.done(names[task])
        for name in graph.get_ready():
            heappush(ready, position[name])
    return now
