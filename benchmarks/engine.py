"""What an engine adds to a stage, and how busy it keeps simulated workers beside what the plan predicts.

python benchmarks/engine.py [SCALE]

Overhead: stages that write one small file, one after the other by one worker, from the end of the first one to that of
the last one (so without the start of the worker), and a loop in this process that makes the same stages.

Workers: the stages of the suite `embedded`, none of them finished, each a sleep of SCALE (by default 1/100) times what
docs/results.md, section "Cost", tells of its kind; after all workers have started.
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
from bench.play.suite import play_suite
from bench.progress import Progress
from bench.stages.stage import Stage

STAGES = 200
SECONDS = {"protect": 121.0, "attack": 56.0, "evaluate": 12.0}
"""The whole run takes 290: what is left for data, audits and releases without a defense is about a second each."""


def work(seconds: float, folder: Path, progress: Progress) -> None:
    """As long as a stage takes, and a file as it leaves one."""
    time.sleep(seconds)
    (folder / "done.txt").write_text("done")


def stage(name: str, seconds: float = 0) -> Stage:
    return Stage("toy", name, {"name": name}, partial(work, seconds))


def of(stages: dict[str, Stage]) -> Plan:
    """A plan without runs, as if nothing were finished."""
    return Plan({}, {}, stages, stages)


@contextmanager
def fresh() -> Iterator[None]:
    """An empty home."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_HOME"] = folder
        yield


def ends(planned: Plan, player: Engine) -> list[float]:
    """When each stage was done."""
    made: list[float] = []
    outcome = play_suite(planned, player, lambda _, event: made.append(time.perf_counter()) if event == "done" else None)
    assert not outcome.failed, outcome.failed
    return made


def gap(made: list[float]) -> float:
    """Milliseconds from the end of a stage to the next one's; the median, as other programs use the disk too."""
    return 1000 * statistics.median(after - before for before, after in pairwise(made))


def bare(stages: dict[str, Stage]) -> list[float]:
    """When each stage was done, without any engine."""
    made = []
    for each in stages.values():
        each.make()
        made.append(time.perf_counter())
    return made


def overhead() -> None:
    """Print milliseconds a stage: the bare loop's, and each engine's in the same minute."""
    stages = {each.identity: each for each in map(stage, map(str, range(STAGES)))}
    print(f"{STAGES} stages   bare loop  engine  (ms a stage)")
    for name in ("local", *(["ray"] if find_spec("ray") else [])):
        with fresh():
            alone = gap(bare(stages))
        with fresh():
            print(f"{name:<10} {alone:11.1f}  {gap(ends(of(stages), open_engine(name, 1, None, Costs([])))):6.1f}")


def simulated(scale: float) -> tuple[Plan, dict[str, float]]:
    """The suite, asleep, and how long each stage sleeps."""
    with fresh():
        real = make_plan(read_suite("plain").runs())
    asleep: dict[str, Stage] = {}
    known = {name: 1.0 if each.title == "none" else SECONDS.get(each.kind, 1.0) for name, each in real.tasks.items()}
    lasts = {name: scale * seconds for name, seconds in known.items()}
    for name, each in real.tasks.items():
        needs = tuple(asleep[need.identity] for need in each.needs)
        asleep[name] = replace(each, work=partial(work, lasts[name]), needs=needs)
    return of(asleep), lasts


def workers(scale: float) -> None:
    """Print predicted and measured seconds, and the share of their time that the workers spend on stages."""
    planned, lasts = simulated(scale)
    total = sum(lasts.values())
    print(f"\nembedded: {len(planned.tasks)} stages, {total / scale:.0f} s, played as {total:.1f} s of sleep")
    print("workers  predicted  measured  measured/predicted  busy, predicted  busy, measured")
    for count in (1, 2, 4, 8):
        with fresh():
            pool, waiting = Pool(count), count
            pool.start([stage(f"start {number}", 1) for number in range(count)])
            while waiting:
                waiting -= len(list(pool.finished()))
            expected, started = predict_seconds(planned, count, lasts), time.perf_counter()
            wall = max(ends(planned, pool)) - started
        busy = f"{total / count / expected:15.0%}  {total / count / wall:14.0%}"
        print(f"{count:7}  {expected:9.1f}  {wall:8.1f}  {wall / expected:18.2f}  {busy}")


if __name__ == "__main__":
    overhead()
    workers(float(sys.argv[1]) if len(sys.argv) > 1 else 0.01)
