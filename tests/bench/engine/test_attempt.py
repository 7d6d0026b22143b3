"""Errors that pass are tried again, others are told at once, and a stage that kills its workers is given up."""

import errno
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.engine import attempt as module
from bench.engine.attempt import RETRIES, Deaths, attempt
from bench.errors import UserError
from bench.progress import Progress
from bench.stages.stage import Stage
from tests.bench.toys import toy


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited; nobody really waits."""
    waited: list[float] = []
    monkeypatch.setattr(module.time, "sleep", waited.append)
    return waited


def stage(*errors: Exception) -> Stage:
    """Raises each of these once, and then is done."""
    left = list(errors)

    def work(folder: Path, progress: Progress) -> None:
        if left:
            raise left.pop(0)

    return Stage("toy", "toy", {}, work)


def away(number: int = errno.ESTALE) -> OSError:
    return OSError(number, "away")


@pytest.mark.parametrize(
    "error", [away(), away(errno.EIO), ConnectionResetError("gone"), TimeoutError("slow"), away(errno.EBUSY)]
)
def test_what_passes_is_tried_again_after_a_pause(bench_home: Path, pauses: list[float], error: Exception) -> None:
    made = stage(error, error)
    assert attempt(made) is None
    assert made.find()
    assert pauses == [1, 4]


@pytest.mark.parametrize(
    "error", [ValueError("wrong"), UserError("disk: full"), away(errno.ENOSPC), FileNotFoundError("no"), MemoryError()]
)
def test_what_does_not_pass_is_told_at_once(bench_home: Path, pauses: list[float], error: Exception) -> None:
    made = stage(error)
    told = attempt(made)
    assert told and told.startswith("Traceback") and type(error).__name__ in told and str(error) in told
    assert pauses == [] and made.find() is None
    assert attempt(made) is None


def test_what_never_passes_is_given_up(bench_home: Path, pauses: list[float]) -> None:
    told = attempt(stage(*[away()] * (RETRIES + 1)))
    assert told and "away" in told
    assert len(pauses) == RETRIES


def test_the_stage_is_told_how_many_cores_it_may_use(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_THREADS", "1")
    for name, threads, told in (("as it was", None, "1"), ("three", 3, "3")):
        made = toy(name)
        assert attempt(made, threads) is None
        assert (artifact := made.find()) and artifact.read("told.json")["BENCH_THREADS"] == told


def test_deaths_are_counted_for_each_task() -> None:
    deaths, one, other = Deaths(), toy("one"), toy("other")
    count: Any = partial(deaths.count, one, "killed for memory")
    assert [count() for _ in range(RETRIES)] == [None] * RETRIES
    assert deaths.count(other) is None
    assert count() == f"the worker died {RETRIES + 1} times, killed for memory"
