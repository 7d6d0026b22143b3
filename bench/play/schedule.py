"""Play a plan: ready stages go to an engine, failures are kept, and each run is recorded once its stages are there."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from pathlib import Path

from bench.engine.base import Engine
from bench.paths import home, write_atomic
from bench.play.plan import Plan
from bench.play.run import record_run
from bench.results import load
from bench.stages.stage import Stage


@dataclass
class Outcome:
    """The result of playing a plan.

    recorded: runs (by identity) that were recorded now. kept: runs whose rows were there before. blocked: runs that
    wait for a failed stage. failed: the traceback of each failed stage.
    """

    recorded: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


Tick = Callable[[Stage, str], None]
"""Called with each task and "started", "done" or "failed"."""


ROUNDS = 3
"""Number of times that stages are played again whose artefacts were broken or gone when a run was to be recorded."""


def play_plan(plan: Plan, engine: Engine, tick: Tick = lambda task, event: None) -> Outcome:
    """Do every task of a plan and record its runs. A task that fails stops only what needs it.

    A plan knows artefacts by name alone; one that turns out to be broken when its run is recorded is made again.
    """
    outcome = Outcome()
    lost = _play_once(plan, engine, tick, outcome)
    for _ in range(ROUNDS):
        if lost:
            tasks = {stage.identity: stage for stages in lost.values() for stage in stages}
            runs, roles = {run: plan.runs[run] for run in lost}, {run: plan.roles[run] for run in lost}
            lost = _play_once(replace(plan, runs=runs, roles=roles, tasks=tasks), engine, tick, outcome)
    for run, stages in lost.items():
        outcome.blocked.append(run)
        outcome.failed |= {stage.identity: "its artefact is broken or gone, again and again" for stage in stages}
    return outcome


def _play_once(plan: Plan, engine: Engine, tick: Tick, outcome: Outcome) -> dict[str, list[Stage]]:
    """Play one round. Return the runs that could not be recorded, with the stages whose artefacts are missing."""
    lost: dict[str, list[Stage]] = {}
    position = {name: number for number, name in enumerate(plan.tasks)}
    graph = TopologicalSorter({name: plan.needs(task) for name, task in plan.tasks.items()})
    graph.prepare()
    rows = {row.id: row.stages for row in load()}
    missing = {run: {stage.identity for stage in plan.roles[run].values()} & plan.tasks.keys() for run in plan.runs}
    users: dict[str, list[str]] = defaultdict(list)
    for run, names in missing.items():
        for name in names:
            users[name].append(run)
    _record(plan, [run for run, names in missing.items() if not names], rows, outcome, lost)
    ready = list(graph.get_ready())
    if not ready:
        return lost
    running = 0
    with engine:
        while ready or running:
            ready.sort(key=position.__getitem__)
            started = engine.start([plan.tasks[name] for name in ready])
            running += len(started)
            for task in started:
                ready.remove(task.identity)
                tick(task, "started")
            complete: list[str] = []
            for task, error in engine.finished():
                running -= 1
                name = task.identity
                tick(task, "failed" if error else "done")
                if error:
                    outcome.failed[name] = error
                    write_atomic(_trace(name), error)
                else:
                    graph.done(name)
                    for run in users[name]:
                        missing[run].remove(name)
                    complete += [run for run in users[name] if not missing[run]]
            ready += graph.get_ready()
            _record(plan, complete, rows, outcome, lost)
    outcome.blocked += [run for run, names in missing.items() if names]
    return lost


def failures(plan: Plan) -> dict[str, str]:
    """Return the tracebacks of the unfinished stages that failed when they were last tried."""
    files = {name: _trace(name) for name in plan.tasks}
    return {name: file.read_text(encoding="utf-8") for name, file in files.items() if file.exists()}


def _trace(stage: str) -> Path:
    return home() / "failures" / f"{stage}.txt"


def _record(
    plan: Plan,
    runs: Sequence[str],
    rows: Mapping[str, dict[str, str]],
    outcome: Outcome,
    lost: dict[str, list[Stage]],
) -> None:
    """Record the runs whose stages are all done, unless their row already names these very stages."""
    for run in runs:
        roles = plan.roles[run]
        if {role: stage.identity for role, stage in roles.items()}.items() <= rows.get(run, {}).items():
            outcome.kept.append(run)
            continue
        artifacts = {role: stage.find() for role, stage in roles.items()}
        present = {role: artifact for role, artifact in artifacts.items() if artifact is not None}
        if len(present) < len(roles):
            lost[run] = [stage for role, stage in roles.items() if role not in present]
        else:
            record_run(plan.runs[run], present)
            outcome.recorded.append(run)
