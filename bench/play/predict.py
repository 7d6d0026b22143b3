"""How long a plan will take: its stages, at their expected seconds, given out to workers in its order."""

from collections.abc import Mapping
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from bench.play.plan import Costs, Plan, uncollected


def expected(plan: Plan, costs: Costs) -> dict[str, float] | None:
    """Seconds of each task, by identity; None where those of one are not known."""
    found = {name: costs.estimate(task).seconds for name, task in plan.tasks.items()}
    known = {name: seconds for name, seconds in found.items() if seconds is not None}
    return known if len(known) == len(found) else None


@uncollected()
def predict(plan: Plan, workers: int, seconds: Mapping[str, float]) -> float:
    """Seconds from the first start to the last end, on `workers` that each take `seconds[identity]` for a task.

    Never less than the longest chain of tasks, nor than their sum over the workers, and never more than their sum.
    Raises KeyError where the seconds of a task are missing.
    """
    names = list(plan.tasks)
    place = {name: number for number, name in enumerate(names)}
    graph = TopologicalSorter({name: plan.needs(task) for name, task in plan.tasks.items()})
    graph.prepare()
    ready = sorted(place[name] for name in graph.get_ready())
    busy: list[tuple[float, int]] = []
    now = 0.0
    while ready or busy:
        while ready and len(busy) < workers:
            task = heappop(ready)
            heappush(busy, (now + seconds[names[task]], task))
        now, task = heappop(busy)
        graph.done(names[task])
        for name in graph.get_ready():
            heappush(ready, place[name])
    return now
