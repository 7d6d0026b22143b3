"""The plan of a suite: the distinct stages of its runs, and which of them are still to be made."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.play.roles import References, stages_of
from bench.play.run import run_id
from bench.spec import RunSpec
from bench.stages.stage import Stage
from bench.store import artifacts


@dataclass(frozen=True)
class Plan:
    """Everything that a suite needs.

    runs: by identity. roles: the stages of each run, by run and role. stages: the distinct stages of all runs, and the
    data that must be made for them. tasks: those that are not finished.
    """

    runs: dict[str, RunSpec]
    roles: dict[str, dict[str, Stage]]
    stages: dict[str, Stage]
    tasks: dict[str, Stage]

    def needs(self, task: Stage) -> set[str]:
        """Return the unfinished tasks that a task waits for."""
        return {need.identity for need in task.needs} & self.tasks.keys()


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Switch the garbage collector off. While thousands of objects are made that all stay, it doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@without_garbage_collection()
def make_plan(specs: Sequence[RunSpec]) -> Plan:
    """Return the plan of some runs. Its tasks are in an order in which they can be done, those of one model together.

    Data that unfinished stages need are tasks too, so that no two workers render them at once.
    """
    runs = {run_id(spec): spec for spec in specs}
    distinct: dict[str, Stage] = {}
    references: References = {}
    roles = {
        run: {role: distinct.setdefault(stage.identity, stage) for role, stage in stages_of(spec, references).items()}
        for run, spec in runs.items()
    }
    finished = artifacts.list_finished()
    tasks: dict[str, Stage] = {}
    waiting = list(distinct.values())
    while waiting:
        stage = waiting.pop()
        if stage.identity not in tasks and (stage.kind, stage.identity) not in finished:
            tasks[stage.identity] = distinct.setdefault(stage.identity, stage)
            waiting += stage.needs
    position = {name: number for number, name in enumerate(distinct)}
    ordered = sorted(tasks.values(), key=lambda stage: (stage.depth, stage.models, position[stage.identity]))
    return Plan(runs, roles, distinct, {stage.identity: stage for stage in ordered})
