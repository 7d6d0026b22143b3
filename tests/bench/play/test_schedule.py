"""A toy plan played by real processes: order, reuse, failures, dead workers, and kills at random moments."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bench.engine.costs import Costs
from bench.engine.local import Pool
from bench.play.plan import Plan
from bench.play.predict import cost_table
from bench.play.schedule import Outcome, failures, play_plan
from bench.progress import Progress
from bench.spec import Method, RunSpec
from bench.stages.stage import Stage
from bench.store import artifacts
from bench.store.artifacts import Artifact

ROOT = Path(__file__).parent.parent.parent.parent


def note(name: str, mood: str, needs: tuple[Stage, ...], folder: Path, progress: Progress) -> dict[str, float]:
    """Write down the notes of what it stands on; or fail, or die while a flag is up."""
    flag = folder.parent.parent.parent / mood
    if mood == "fails":
        raise ValueError(f"{name} cannot be done")
    if mood.startswith("dies") and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if mood == "always dies":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    below = "".join((need.folder / "note.txt").read_text() for need in needs)
    (folder / "note.txt").write_text(f"({name}{below})")
    with (folder.parent.parent.parent / "computed.log").open("a") as log:
        log.write(f"{name}\n")
    return {"image_steps": 1.0}


def toy(name: str, *needs: Stage, mood: str = "", model: str = "m") -> Stage:
    payload = {"defense": name[0], "name": name, "needs": [need.identity for need in needs]}
    return Stage("toy", name, payload, partial(note, name, mood, needs), needs, (model,))


def diamond(**moods: str) -> Plan:
    """a, then b1..b4 on it, then c on all of them; d stands alone."""
    a = toy("a", mood=moods.get("a", ""))
    middle = [toy(f"b{i}", a, mood=moods.get(f"b{i}", ""), model=f"m{i % 2}") for i in range(1, 5)]
    every = [a, *middle, toy("c", *middle, mood=moods.get("c", "")), toy("d", mood=moods.get("d", ""))]
    stages = {stage.identity: stage for stage in every}
    tasks = {name: stage for name, stage in stages.items() if stage.find() is None}
    return Plan({}, {}, stages, tasks)


def diamond_by_names() -> Plan:
    """The same, planned as a suite is: by the names of what is finished."""
    names = artifacts.list_finished()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stage, "find", lambda stage: None)
        plan = diamond()
    return replace(plan, tasks={n: s for n, s in plan.stages.items() if (s.kind, n) not in names})


def notes(plan: Plan) -> dict[str, str]:
    """What every finished stage wrote."""
    return {s.title: (s.folder / "note.txt").read_text() for s in plan.stages.values() if s.find()}


@pytest.fixture
def unbroken(bench_home: Path) -> dict[str, str]:
    """The notes of a plan that nothing disturbed, made without any worker."""
    below = "".join(f"(b{i}(a))" for i in range(1, 5))
    return {"a": "(a)", **{f"b{i}": f"(b{i}(a))" for i in range(1, 5)}, "c": f"(c{below})", "d": "(d)"}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_stage_is_done_once_after_what_it_needs(bench_home: Path, unbroken: dict[str, str], workers: int) -> None:
    events: list[tuple[str, str]] = []
    outcome = play_plan(diamond(), Pool(workers), lambda task, event: events.append((task.title, event)))
    assert outcome == Outcome()
    assert notes(diamond()) == unbroken
    assert sorted((bench_home / "computed.log").read_text().split()) == sorted(unbroken)
    for i in range(1, 5):
        assert events.index(("a", "done")) < events.index((f"b{i}", "started"))
        assert events.index((f"b{i}", "done")) < events.index(("c", "started"))
    assert not diamond().tasks


def test_a_failure_blocks_what_stands_on_it_and_nothing_else(bench_home: Path, unbroken: dict[str, str]) -> None:
    plan = diamond(b2="fails")
    outcome = play_plan(plan, Pool(2))
    (trace,) = outcome.failed.values()
    assert "ValueError: b2 cannot be done" in trace
    assert notes(plan).keys() == unbroken.keys() - {"b2", "c"}
    assert failures(plan) == outcome.failed


def test_a_worker_that_dies_is_replaced(bench_home: Path, unbroken: dict[str, str]) -> None:
    assert play_plan(diamond(b1="dies once"), Pool(2)).failed == {}
    assert notes(diamond(b1="dies once")) == unbroken


def test_a_stage_that_kills_every_worker_is_given_up(bench_home: Path) -> None:
    plan = diamond(d="always dies")
    outcome = play_plan(plan, Pool(1))
    (trace,) = outcome.failed.values()
    assert "the worker died" in trace
    assert "c" in notes(plan)


def test_kills_at_random_moments_lose_nothing_and_repeat_nothing(bench_home: Path, unbroken: dict[str, str]) -> None:
    """The whole group is killed again and again; what was finished then is not computed again."""
    script = "from tests.bench.play.test_schedule import Pool, diamond, play; play_plan(diamond(), Pool(2))"
    moments, environment = random.Random(0), {**os.environ, "BENCH_HOME": str(bench_home)}
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment, start_new_session=True)
        time.sleep(moments.uniform(0.5, 2.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = notes(diamond())
        assert done.items() <= unbroken.items(), "something half-written is visible"
    assert play_plan(diamond(), Pool(2)).failed == {}
    assert notes(diamond()) == unbroken
    computed = (bench_home / "computed.log").read_text().split()
    assert len(computed) <= len(unbroken) + 12 * 2, "at most what was in the workers' hands"


def test_costs_are_means_of_the_same_method_or_else_of_the_kind(bench_home: Path) -> None:
    play_plan(diamond(), Pool(1))
    costs = Costs(artifacts.read_manifests())
    seconds = [m["cost"]["seconds"] for m in artifacts.read_manifests() if m["payload"]["defense"] == "b"]
    assert costs.estimate(toy("b9")).seconds == pytest.approx(sum(seconds) / 4)
    every = [m["cost"]["seconds"] for m in artifacts.read_manifests()]
    assert costs.estimate(toy("x")).seconds == pytest.approx(sum(every) / 7)
    assert Costs([]).estimate(toy("x")).seconds is None
    assert cost_table(diamond(), costs)[-1]["to do"] == 0


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The artefacts that each run was recorded from, which are read at that moment."""
    read: list[list[str]] = []

    def record(spec: object, artifacts: dict[str, Artifact]) -> None:
        read.append([(artifact.folder / "note.txt").read_text() for artifact in artifacts.values()])

    monkeypatch.setattr("bench.play.schedule.record_run", record)
    return read


def run_of(plan: Plan) -> Plan:
    """The plan with one run that needs every stage of it."""
    roles = {stage.title: stage for stage in plan.stages.values()}
    return replace(plan, runs={"run": RunSpec(defense=Method(name="a"), attack=Method(name="b"))}, roles={"run": roles})


def test_what_is_gone_when_its_run_is_recorded_is_made_again(
    bench_home: Path, recorded: list[list[str]], unbroken: dict[str, str]
) -> None:
    play_plan(diamond(), Pool(1))
    finished = run_of(diamond())
    assert not finished.tasks
    lost = next(stage for stage in finished.stages.values() if stage.title == "b3")
    shutil.rmtree(lost.folder)
    events: list[tuple[str, str]] = []
    outcome = play_plan(finished, Pool(1), lambda task, event: events.append((task.title, event)))
    assert events == [("b3", "started"), ("b3", "done")]
    assert outcome == Outcome(recorded=["run"])
    assert recorded == [list(unbroken.values())]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_finished_suite_whose_row_is_missing_mends_what_is_truncated(
    bench_home: Path, recorded: list[list[str]], unbroken: dict[str, str], workers: int
) -> None:
    """Both notes are of the right name and no content; what stands on them is whole, and is not made again."""
    play_plan(diamond(), Pool(1))
    finished = run_of(diamond())
    (bench_home / "computed.log").unlink()
    for stage in finished.stages.values():
        if stage.title in ("a", "b3"):
            os.truncate(stage.folder / "note.txt", 1)
    artifacts._verified_manifests.clear()
    assert not diamond_by_names().tasks
    assert play_plan(finished, Pool(workers)) == Outcome(recorded=["run"])
    assert recorded == [list(unbroken.values())]
    assert sorted((bench_home / "computed.log").read_text().split()) == ["a", "b3"]
    assert len(list((bench_home / "broken").glob("toy-*"))) == 2


def test_what_is_lost_again_and_again_is_told_and_ends(
    bench_home: Path, recorded: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = run_of(diamond())
    monkeypatch.setattr(Stage, "find", lambda stage: None)
    outcome = play_plan(plan, Pool(1))
    assert (outcome.recorded, outcome.blocked, recorded) == ([], ["run"], [])
    assert outcome.failed.keys() == plan.stages.keys()
