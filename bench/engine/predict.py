"""How long a plan will take: its stages, at their expected seconds, given out to workers as the local engine does."""

from collections.abc import Mapping
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from bench.engine.affinity import pairs
from bench.engine.plan import Costs, Plan


def expected(plan: Plan, costs: Costs) -> dict[str, float] | None:
    """Seconds of each task, by identity; None where those of one are not known."""
    found = {name: costs.estimate(task).seconds for name, task in plan.tasks.items()}
    known = {name: seconds for name, seconds in found.items() if seconds is not None}
    return known if len(known) == len(found) else None


def predict(plan: Plan, workers: int, seconds: Mapping[str, float]) -> float:
    """Seconds from the first start to the last end, on `workers` that each take `seconds[identity]` for a task.

    Never less than the longest chain of tasks, nor than their sum over the workers, and never more than their sum.
    Raises KeyError where the seconds of a task are missing.
    """
    order = {name: place for place, name in enumerate(plan.tasks)}
    graph = TopologicalSorter({name: plan.needs(task) for name, task in plan.tasks.items()})
    graph.prepare()
    ready = list(graph.get_ready())
    idle: list[set[str]] = [set() for _ in range(min(workers, len(plan.tasks)))]
    busy: list[tuple[float, int, str, set[str]]] = []
    now = 0.0
    while ready or busy:
        ready.sort(key=order.__getitem__)
        loaded = list(idle)
        for place, task in pairs(loaded, [plan.tasks[name] for name in ready]):
            name = task.identity
            ready.remove(name)
            idle = [worker for worker in idle if worker is not loaded[place]]
            heappush(busy, (now + seconds[name], order[name], name, loaded[place] | set(task.models)))
        now, _, name, models = heappop(busy)
        idle.append(models)
        graph.done(name)
        ready += graph.get_ready()
    return now
