"""A plan names what many runs share once, leaves out what is finished, and estimates the rest by what was alike."""

import gc
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.errors import UserError
from bench.play.plan import make_plan
from bench.play.run import play_run
from bench.spec import Method, RunSpec

HIDE = RunSpec(defense=Method(name="hide"), attack=Method(name="lora_sft"))
RINSE = HIDE.model_copy(update={"attack": Method(name="rinse")})
OTHER = HIDE.model_copy(update={"victim": "tiny-qwen3vl"})


def test_what_runs_share_is_one_stage(game: Any) -> None:
    made = make_plan([HIDE, RINSE])
    assert len(made.runs) == 2 and len(made.tasks) == len(made.stages)
    one, other = made.roles.values()
    shared = {role for role in one if one[role] is other[role]}
    baselines = {"zero", "zero_validation", "format_attack", "format", "format_validation"}
    assert shared == {"original", "protect", "audit"} | baselines
    assert len([stage for stage in made.stages.values() if stage.kind != "dataset"]) == 8 + 2 * (3 + 3)


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
        *["attack"] * 2, *["dataset"] * 2, *["evaluate"] * 4,
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
