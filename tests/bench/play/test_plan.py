"""A plan names what many runs share once, leaves out what is finished, and estimates the rest by what was alike."""

import gc
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.engine.costs import UNKNOWN, Costs, StageCost
from bench.errors import UserError
from bench.play.plan import make_plan
from bench.play.roles import stages_of
from bench.play.run import play_run
from bench.spec import Budget, Method, RunSpec
from bench.stages.stage import Stage

HIDE = RunSpec(defense=Method(name="hide"), attack=Method(name="lora_sft"))
RINSE = HIDE.model_copy(update={"attack": Method(name="rinse")})
OTHER = HIDE.model_copy(update={"victim": "tiny-qwen3vl"})


def test_what_runs_share_is_one_stage(game: Any) -> None:
    made = make_plan([HIDE, RINSE])
    assert len(made.runs) == 2 and len(made.tasks) == len(made.stages)
    one, other = made.roles.values()
    shared = {role for role in one if one[role] is other[role]}
    assert shared == {"original", "zero", "clean_attack", "clean", "protect", "audit"}
    assert len([stage for stage in made.stages.values() if stage.kind != "dataset"]) == 6 + 2 * 3


def test_a_run_that_is_asked_for_twice_is_planned_once(game: Any) -> None:
    assert len(make_plan([HIDE, HIDE.model_copy()]).runs) == 1


def test_what_is_finished_is_no_task_and_nobody_waits_for_it(game: Any) -> None:
    before = make_plan([HIDE])
    release = next(iter(before.roles.values()))["protect"]
    (train,) = release.needs
    release.make()
    after = make_plan([HIDE])
    assert before.tasks.keys() - after.tasks.keys() == {release.identity, train.identity}
    audit = next(iter(after.roles.values()))["audit"]
    assert before.needs(audit) == {release.identity, train.identity}
    assert after.needs(audit) == set()


def test_data_are_made_once_and_before_what_stands_on_them(game: Any) -> None:
    """Left to the stages, two workers would render the same data at once."""
    made = make_plan([HIDE, RINSE])
    data = [task.title for task in made.tasks.values() if task.kind == "dataset"]
    assert sorted(data) == [f"emoji_catalog, {split}" for split in ("test", "train", "validation")]
    assert [task.kind for task in made.tasks.values()][:3] == ["dataset"] * 3
    for task in made.tasks.values():
        assert made.needs(task) == {need.identity for need in task.needs}


def test_data_that_only_finished_stages_stand_on_are_not_made_again(game: Any, bench_home: Path) -> None:
    play_run(HIDE)
    shutil.rmtree(bench_home / "artifacts" / "dataset")
    assert not make_plan([HIDE]).tasks
    rinsed = make_plan([RINSE])
    assert sorted(task.kind for task in rinsed.tasks.values()) == [
        "attack", "dataset", "dataset", "evaluate", "evaluate",
    ]  # fmt: skip
    assert {need.title for task in rinsed.tasks.values() for need in task.needs if need.kind == "dataset"} == {
        "emoji_catalog, test", "emoji_catalog, validation",
    }  # fmt: skip


def test_tasks_come_after_what_they_need_and_those_of_one_model_together(game: Any) -> None:
    made = make_plan([HIDE, OTHER, RINSE, OTHER.model_copy(update={"attack": Method(name="rinse")})])
    seen: set[str] = set()
    for name, task in made.tasks.items():
        assert made.needs(task) <= seen
        seen.add(name)
    # Each depth goes once through its models.
    steps = [(task.depth, task.models) for task in made.tasks.values()]
    changes = [step for step, last in zip(steps, [None, *steps], strict=False) if step != last]
    assert len(changes) == len(set(steps))
    assert {models for _, models in steps} == {(), ("tiny-llava-a",), ("tiny-qwen3vl",)}


def manifest(stage: Stage, seconds: float, peak: float = 0, disk: float = 0) -> dict[str, Any]:
    """What is kept of a finished stage."""
    cost = {"seconds": seconds, "peak_mb": peak, "disk_mb": disk}
    return {"stage": stage.kind, "payload": stage.payload, "cost": cost}


def protect(**fields: Any) -> Stage:
    return stages_of(HIDE.model_copy(update=fields))["protect"]


def test_estimates_are_of_the_most_alike_on_the_same_data_and_models(game: Any) -> None:
    hide, blind = protect(), protect(defense=Method(name="hide", options={"hidden": 8}))
    finished = [(protect(seed=1), 10), (protect(seed=2), 20), (blind, 100), (protect(dataset="emoji_smoke"), 1)]
    costs = Costs([manifest(stage, seconds) for stage, seconds in finished])
    assert costs.estimate(hide).seconds == 15  # its own options, other seeds
    assert costs.estimate(protect(budget=Budget(epsilon=1))).seconds == 15
    more = protect(defense=Method(name="hide", options={"hidden": 4}))
    assert costs.estimate(more).seconds == pytest.approx(130 / 3)  # no such options: the method
    assert costs.estimate(protect(threat="black")) == UNKNOWN  # another model
    assert costs.estimate(stages_of(HIDE)["attack"]) == UNKNOWN  # another kind


def test_a_method_that_was_never_played_costs_what_others_do(game: Any) -> None:
    """Only on the same surrogates, of which it must have as many."""
    costs = Costs([manifest(protect(), 10), manifest(protect(threat="black"), 99)])
    alike = Stage("protect", "new", {**protect().payload, "defense": "new"}, print)
    assert costs.estimate(alike) == StageCost(10, 0, 0)


def test_a_cost_that_an_older_version_did_not_keep_is_not_known(game: Any) -> None:
    old = manifest(protect(), 10)
    del old["cost"]["disk_mb"]
    assert Costs([old]).estimate(protect()) == StageCost(10, 0, None)


def test_the_table_sums_what_is_to_do(game: Any) -> None:
    made = make_plan([HIDE])
    costs = Costs([manifest(stage, 2, peak=100 * stage.depth, disk=0.25) for stage in made.stages.values()])
    rows = {row["stage"]: row for row in costs.table(made)}
    assert rows["evaluate"] == {
        "stage": "evaluate", "stages": 4, "to do": 4, "seconds": 8, "peak MB": 400, "disk MB": 1.0,
    }  # fmt: skip
    assert (rows["all"]["to do"], rows["all"]["seconds"], rows["all"]["peak MB"]) == (12, 24, 400)
    for stage in made.stages.values():
        stage.make()
    done = {row["stage"]: row for row in costs.table(make_plan([HIDE]))}
    assert {(row["to do"], row["seconds"], row["peak MB"], row["disk MB"]) for row in done.values()} == {(0, 0, 0, 0)}
    assert done["all"]["stages"] == 9


def test_one_unknown_cost_leaves_the_sum_open(game: Any) -> None:
    made = make_plan([HIDE])
    costs = Costs([manifest(stage, 2) for stage in made.stages.values() if stage.kind != "attack"])
    rows = {row["stage"]: row for row in costs.table(made)}
    assert rows["protect"]["seconds"] == 4
    assert rows["attack"]["seconds"] is None and rows["all"]["seconds"] is None


@pytest.mark.parametrize("enabled", [True, False])
def test_the_search_for_garbage_is_left_as_it_was(game: Any, enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    try:
        make_plan([HIDE])
        assert gc.isenabled() is enabled
        with pytest.raises(UserError):
            make_plan([OTHER.model_copy(update={"threat": "gray"})])
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
