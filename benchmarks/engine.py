"""Time that an engine adds to a stage, and how busy it keeps simulated workers: python -m benchmarks.engine [SCALE]

Overhead: stages that write one small file, made one after the other by one worker, and by a loop without an engine. It
is counted from the end of the first stage to the end of the last one, so the start of the worker is left out.

Workers: the unfinished stages of the suite `plain`, each a sleep of SCALE (by default 1/100) times the seconds that
docs/results.md, section "Cost", gives for its kind. It is counted from when all workers have started, and compared with
what the plan predicts.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from bench.engine.base import Engine, open_engine
from bench.engine.costs import Costs
from bench.engine.local import Pool
from bench.game.suite import read_suite
from bench.play.plan import Plan, make_plan
from bench.play.predict import predict_seconds
from bench.play.schedule import play_plan
from bench.progress import Progress
from bench.stages.stage import Stage

STAGES = 200
SECONDS = {"protect": 121.0, "attack": 56.0, "evaluate": 12.0}
"""Seconds of a stage by its kind. Data, audits and releases without a defense take about a second each."""


def write_file(seconds: float, folder: Path, progress: Progress) -> None:
    """Take as long as a stage and leave a file, as it does."""
    time.sleep(seconds)
    (folder / "done.txt").write_text("done")


def small_stage(name: str, seconds: float = 0) -> Stage:
    """Return a stage that sleeps and writes a file."""
    return Stage("toy", name, {"name": name}, partial(write_file, seconds))


def plan_stages(stages: dict[str, Stage]) -> Plan:
    """Return a plan without runs, of which nothing is finished."""
    return Plan({}, {}, stages, stages)


@contextmanager
def temporary_home() -> Iterator[None]:
    """Use an empty home during the block."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_HOME"] = folder
        yield


def play_times(plan: Plan, engine: Engine) -> list[float]:
    """Play a plan on an engine and return when each stage was done."""
    times: list[float] = []
    outcome = play_plan(plan, engine, lambda _, event: times.append(time.perf_counter()) if event == "done" else None)
    assert not outcome.failed, outcome.failed
    return times


def loop_times(stages: dict[str, Stage]) -> list[float]:
    """Make stages without an engine and return when each was done."""
    times = []
    for stage in stages.values():
        stage.make()
        times.append(time.perf_counter())
    return times


def milliseconds(times: list[float]) -> float:
    """Return the median time from one stage's end to the next; a mean would count other programs' use of the disk."""
    return 1000 * statistics.median(after - before for before, after in pairwise(times))


def overhead() -> None:
    """Print the milliseconds of a stage: in the bare loop, and with each engine in the same minute."""
    stages = {stage.identity: stage for stage in map(small_stage, map(str, range(STAGES)))}
    print(f"{STAGES} stages   bare loop  engine  (ms a stage)")
    for name in ("local", *(["ray"] if find_spec("ray") else [])):
        with temporary_home():
            bare = milliseconds(loop_times(stages))
        with temporary_home():
            played = milliseconds(play_times(plan_stages(stages), open_engine(name, 1, None, Costs([]))))
        print(f"{name:<10} {bare:11.1f}  {played:6.1f}")


def sleeping_suite(scale: float) -> tuple[Plan, dict[str, float]]:
    """Return the suite with a sleep for each stage, and the seconds of each."""
    with temporary_home():
        real = make_plan(read_suite("plain").runs())
    sleeps: dict[str, Stage] = {}
    seconds: dict[str, float] = {}
    for name, stage in real.tasks.items():
        seconds[name] = scale * (1.0 if stage.title == "none" else SECONDS.get(stage.kind, 1.0))
        needs = tuple(sleeps[need.identity] for need in stage.needs)
        sleeps[name] = replace(stage, work=partial(write_file, seconds[name]), needs=needs)
    return plan_stages(sleeps), seconds


def workers(scale: float) -> None:
    """Print predicted and measured seconds, and the share of their time that the workers spend on stages."""
    plan, seconds = sleeping_suite(scale)
    total = sum(seconds.values())
    print(f"\nplain: {len(plan.tasks)} stages, {total / scale:.0f} s, played as {total:.1f} s of sleep")
    print("workers  predicted  measured  measured/predicted  busy, predicted  busy, measured")
    for count in (1, 2, 4, 8):
        with temporary_home():
            pool, starting = Pool(count), count
            pool.start([small_stage(f"start {number}", 1) for number in range(count)])
            while starting:
                starting -= len(list(pool.finished()))
            predicted, started = predict_seconds(plan, count, seconds), time.perf_counter()
            measured = max(play_times(plan, pool)) - started
        busy = f"{total / count / predicted:15.0%}  {total / count / measured:14.0%}"
        print(f"{count:7}  {predicted:9.1f}  {measured:8.1f}  {measured / predicted:18.2f}  {busy}")


if __name__ == "__main__":
    overhead()
    workers(float(sys.argv[1]) if len(sys.argv) > 1 else 0.01)
