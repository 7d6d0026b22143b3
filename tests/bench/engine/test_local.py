"""Worker processes: each its share of the cores and its device, models loaded once, and none left behind."""

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.engine.attempt import RETRIES
from bench.engine.local import Pool
from bench.play.schedule import play_plan
from bench.stages.stage import Stage
from tests.bench.toys import plan_of, toy


def told(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    """What each stage says of the process that did it."""
    return [artifact.read("told.json") for stage in stages if (artifact := stage.find()) is not None]


def children() -> set[int]:
    """Worker processes of this one; multiprocessing's own resource tracker is none."""
    found = psutil.Process().children()
    return {child.pid for child in found if "spawn_main" in " ".join(child.cmdline())}


def test_workers_share_cores_and_devices(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_THREADS", "5")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    stages = [toy(str(number), seconds=0.5) for number in range(2)]
    assert play_plan(plan_of(stages), Pool()).failed == {}
    found = told(stages)
    assert {each["CUDA_VISIBLE_DEVICES"] for each in found} == {"4", "7"}
    assert {each["BENCH_THREADS"] for each in found} == {"2"}


@pytest.mark.parametrize(
    ("devices", "workers", "size", "first"),
    [("", None, 1, [None]), ("0,1", None, 2, ["0", "1"]), ("0,1", 3, 3, ["0", "1", "0"]), ("0,1", 1, 1, ["0"])],
)
def test_there_is_a_worker_a_device_unless_it_is_said_how_many(
    monkeypatch: pytest.MonkeyPatch, devices: str, workers: int | None, size: int, first: list[str | None]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    monkeypatch.setattr("bench.engine.local.Worker.start", lambda self: None)
    pool = Pool(workers)
    assert pool.size == size
    assert [pool._add_worker().device for _ in range(size)] == first


def test_each_model_is_loaded_by_one_worker_as_long_as_both_have_work(bench_home: Path) -> None:
    stages = [toy(f"{number}", models=(f"m{number % 2}",), seconds=0.2) for number in range(8)]
    with Pool(2) as pool:
        ready, left = list(stages), len(stages)
        # Two in hand before the first ends, so that no worker starts with what is left over.
        while left:
            for task in pool.start(ready):
                ready.remove(task)
            left -= sum(error is None for _, error in pool.finished())
    workers = defaultdict(set)
    for stage, each in zip(stages, told(stages), strict=True):
        workers[stage.models].add(each["process"])
    assert len(set.union(*workers.values())) == 2
    assert sum(map(len, workers.values())) <= 3, "at most the last one loads what the other had"


def test_no_more_workers_start_than_there_is_work_for(bench_home: Path) -> None:
    before = children()
    with Pool(8) as pool:
        pool.start([toy("one")])
        assert [error for _, error in pool.finished()] == [None]
        assert len(children() - before) == 1, "counted afterwards: a process that just began has no command line yet"


@pytest.mark.parametrize("seconds", [0, 60])
def test_nobody_is_left_when_it_is_over_and_nothing_half_made(bench_home: Path, seconds: float) -> None:
    before = children()
    with Pool(1) as pool:
        pool.start([toy("long", seconds=seconds)])
        _until((bench_home / "tries.log").exists)
        assert children() - before
    assert not children() - before
    assert not list(bench_home.glob("artifacts/*/.*")), "a worker that is told to end tidies up"


def test_a_worker_that_dies_is_replaced_by_one_with_nothing_loaded(bench_home: Path) -> None:
    stage = toy("fragile", mood="dies once", models=("m",))
    with Pool(1) as pool:
        pool.start([stage])
        first = pool.workers[0].process.pid
        assert list(pool.finished()) == [], "it is not over, it is tried again"
        assert pool.workers[0].loaded == {"m"} and pool.workers[0].process.pid != first
        assert list(pool.finished()) == [(stage, None)]


def test_one_that_always_dies_is_given_up_and_the_worker_goes_on(bench_home: Path) -> None:
    bad, good = toy("bad", mood="dies"), toy("good")
    outcome = play_plan(plan_of([bad, good]), Pool(1))
    assert outcome.failed.keys() == {bad.identity}
    assert outcome.failed[bad.identity].startswith(f"the worker died {RETRIES + 1} times")
    assert (bench_home / "tries.log").read_text().split("\n").count("dies") == RETRIES + 1
    assert good.find()


class Unreadable:
    """Can be sent, and not be received."""

    def __reduce__(self) -> Any:
        return _refuse, ()


def _refuse() -> None:
    raise ImportError("no such method here")


def test_what_a_worker_cannot_read_is_a_failure_like_any_other(bench_home: Path) -> None:
    bad, good = Stage("toy", "bad", {"bad": 1}, Unreadable()), toy("good")  # type: ignore[arg-type]
    outcome = play_plan(plan_of([bad, good]), Pool(1))
    assert list(outcome.failed) == [bad.identity]
    assert "ImportError: no such method here" in outcome.failed[bad.identity]
    assert good.find()


def test_workers_end_with_a_process_that_is_killed(bench_home: Path) -> None:
    reading, writing = os.pipe()
    if (driver := os.fork()) == 0:
        pool = Pool(1)
        pool.start([toy("long", seconds=60)])
        os.write(writing, f"{pool.workers[0].process.pid}\n".encode())
        time.sleep(60)
        os._exit(0)
    worker = psutil.Process(int(os.read(reading, 20)))
    _until((bench_home / "tries.log").exists)
    os.kill(driver, 9)
    os.waitpid(driver, 0)
    assert psutil.wait_procs([worker], timeout=10)[1] == []
    os.close(reading)
    os.close(writing)


def _until(true: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
