"""The expected time of a plan is between what no workers could beat and what one worker takes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.costs import Costs
from bench.play.plan import Plan, make_plan
from bench.play.predict import cost_table, predict_seconds, task_seconds
from bench.spec import Method, RunSpec
from bench.stages.stage import Stage
from tests.bench.toys import costs, manifest, plan_of, toy

HIDE = RunSpec(defense=Method(name="hide"), attack=Method(name="lora_sft"))


@st.composite
def timed(draw: st.DrawFn) -> tuple[Plan, dict[str, float]]:
    """A plan of up to twelve tasks, each on any of those before it, and whole seconds for each."""
    made: list[Stage] = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from(made), unique_by=id, max_size=3)) if made else []
        made.append(toy(str(number), *needs))
    return plan_of(made), {stage.identity: float(draw(st.integers(0, 9))) for stage in made}


def chain(task: Stage, seconds: dict[str, float]) -> float:
    """Of all ways down from a task, the longest."""
    return seconds[task.identity] + max((chain(need, seconds) for need in task.needs), default=0)


@given(timed(), st.integers(1, 5))
def test_the_bounds_that_hold_for_any_order(drawn: tuple[Plan, dict[str, float]], workers: int) -> None:
    plan, seconds = drawn
    wall, work = predict_seconds(plan, workers, seconds), sum(seconds.values())
    longest = max(chain(task, seconds) for task in plan.tasks.values())
    assert max(longest, work / workers) <= wall <= work
    # Graham's: while a worker is idle, the longest chain of what is left gets shorter.
    assert wall <= work / workers + (1 - 1 / workers) * longest + 1e-9


@given(timed())
def test_one_worker_takes_the_sum_and_enough_of_them_the_longest_chain(drawn: tuple[Plan, dict[str, float]]) -> None:
    plan, seconds = drawn
    assert predict_seconds(plan, 1, seconds) == sum(seconds.values())
    assert predict_seconds(plan, len(plan.tasks), seconds) == max(chain(task, seconds) for task in plan.tasks.values())


@pytest.mark.parametrize(("workers", "wall"), [(1, 15), (2, 10), (3, 8), (9, 8)])
def test_by_hand(workers: int, wall: float) -> None:
    """On two workers: a to 3 and d to 5 together; b from 3 to 5, c from 5 to 9, and e, on both, to 10."""
    a, d = toy("a"), toy("d")
    b, c = toy("b", a), toy("c", a)
    plan = plan_of([a, d, b, c, toy("e", b, c)])
    lasts = {"a": 3.0, "d": 5.0, "b": 2.0, "c": 4.0, "e": 1.0}
    assert predict_seconds(plan, workers, {name: lasts[task.title] for name, task in plan.tasks.items()}) == wall


def test_the_order_of_the_plan_decides_what_goes_first() -> None:
    short, long = [toy(f"short {number}") for number in range(2)], toy("long")
    seconds = {stage.identity: 4.0 if stage is long else 2.0 for stage in (*short, long)}
    assert predict_seconds(plan_of([*short, long]), 2, seconds) == 6
    assert predict_seconds(plan_of([long, *short]), 2, seconds) == 4


def test_what_is_finished_takes_no_time_and_blocks_nothing() -> None:
    a = toy("a")
    b = toy("b", a)
    assert predict_seconds(plan_of([a, b], finished=[a]), 1, {b.identity: 2.0}) == 2
    assert predict_seconds(plan_of([a, b], finished=[a, b]), 1, {}) == 0


def test_a_task_without_seconds_is_an_error() -> None:
    with pytest.raises(KeyError):
        predict_seconds(plan_of([toy("a")]), 1, {})


def test_seconds_are_known_for_all_unfinished_tasks_or_for_none() -> None:
    known, strange = toy("known"), toy("strange", kind="other")
    assert task_seconds(plan_of([known]), costs(seconds=3)) == {known.identity: 3}
    assert task_seconds(plan_of([known, strange]), costs(seconds=3)) is None
    assert task_seconds(plan_of([known, strange], finished=[strange]), costs(seconds=3)) == {known.identity: 3}
    assert task_seconds(plan_of([]), Costs([])) == {}


def test_the_table_sums_what_is_to_do(game: Any) -> None:
    made = make_plan([HIDE])
    costs = Costs([manifest(stage, 2, peak=100 * stage.depth, disk=0.25) for stage in made.stages.values()])
    rows = {row["stage"]: row for row in cost_table(made, costs)}
    assert rows["evaluate"] == {
        "stage": "evaluate", "stages": 8, "to do": 8, "seconds": 16, "peak MB": 350, "disk MB": 2.0,
    }  # fmt: skip
    assert (rows["all"]["to do"], rows["all"]["seconds"], rows["all"]["peak MB"]) == (17, 34, 350)
    for stage in made.stages.values():
        stage.make()
    done = {row["stage"]: row for row in cost_table(make_plan([HIDE]), costs)}
    assert {(row["to do"], row["seconds"], row["peak MB"], row["disk MB"]) for row in done.values()} == {(0, 0, 0, 0)}
    assert done["all"]["stages"] == 14


def test_one_unknown_cost_leaves_the_sum_open(game: Any) -> None:
    made = make_plan([HIDE])
    costs = Costs([manifest(stage, 2) for stage in made.stages.values() if stage.kind != "attack"])
    rows = {row["stage"]: row for row in cost_table(made, costs)}
    assert rows["protect"]["seconds"] == 4
    assert rows["attack"]["seconds"] is None and rows["all"]["seconds"] is None
