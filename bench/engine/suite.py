"""Play a plan: ready stages to free workers, failures kept, and every run recorded as soon as its stages are there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

from bench.engine.local import record
from bench.engine.plan import Plan
from bench.engine.pool import Pool
from bench.engine.stage import Stage
from bench.paths import home
from bench.store import results
from bench.store.artifacts import find


@dataclass
class Outcome:
    """What became of a plan. Runs by identity: `recorded` now, `kept` from before, `blocked` by a stage of `failed`."""

    recorded: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


Tick = Callable[[Stage, str], None]
"""Told of each task that it is "started", "done" or "failed"."""


def play(plan: Plan, workers: int = 1, tick: Tick = lambda task, event: None) -> Outcome:
    """Do every task of a plan and record its runs. A task that fails stops nothing but what stands on it."""
    outcome = Outcome()
    order = {name: place for place, name in enumerate(plan.tasks)}
    graph = TopologicalSorter({name: plan.needs(task) for name, task in plan.tasks.items()})
    graph.prepare()
    done = set(plan.stages) - set(plan.tasks)
    rows = {row.id: row.stages for row in results.load()}
    waiting = _record(plan, list(plan.runs), done, rows, outcome)
    ready = list(graph.get_ready())
    if not ready:
        return outcome
    with Pool(workers) as pool:
        while ready or pool.running:
            ready.sort(key=order.__getitem__)
            starting, ready = ready[: pool.free], ready[pool.free :]
            for name in starting:
                tick(plan.tasks[name], "started")
                pool.start(plan.tasks[name])
            for task, error in pool.finished():
                name = task.identity
                tick(task, "failed" if error else "done")
                if error:
                    outcome.failed[name] = error
                    _trace(name).parent.mkdir(parents=True, exist_ok=True)
                    _trace(name).write_text(error, encoding="utf-8")
                else:
                    done.add(name)
                    graph.done(name)
            ready += graph.get_ready()
            waiting = _record(plan, waiting, done, rows, outcome)
    outcome.blocked = waiting
    return outcome


def failures(plan: Plan) -> dict[str, str]:
    """Tracebacks of the unfinished stages that failed when they were last tried."""
    files = {name: _trace(name) for name in plan.tasks}
    return {name: file.read_text(encoding="utf-8") for name, file in files.items() if file.exists()}


def _trace(stage: str) -> Path:
    return home() / "failures" / f"{stage}.txt"


def _record(
    plan: Plan, waiting: list[str], done: set[str], rows: Mapping[str, dict[str, str]], outcome: Outcome
) -> list[str]:
    """Record the runs whose stages are all done, unless their row says so already; the others wait on."""
    later = []
    for run in waiting:
        roles = plan.roles[run]
        if not {stage.identity for stage in roles.values()} <= done:
            later.append(run)
        elif rows.get(run) == {role: stage.identity for role, stage in roles.items()}:
            outcome.kept.append(run)
        else:
            found = {role: find(stage.kind, stage.identity) for role, stage in roles.items()}
            record(plan.runs[run], {role: artifact for role, artifact in found.items() if artifact is not None})
            outcome.recorded.append(run)
    return later
