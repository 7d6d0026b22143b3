"""A suite is cleaned of what it alone stands on: other suites' runs, and other artefacts, lose nothing."""

from pathlib import Path
from typing import Any

from bench.paths import write_atomic
from bench.play.leftovers import leftovers, remove, traces
from bench.play.plan import make_plan
from bench.play.run import play_run
from bench.play.schedule import failures
from bench.spec import Method, RunSpec
from bench.store import artifacts
from bench.store.folders import StoredArtifact

HIDE = RunSpec(defense=Method(name="hide"), attack=Method(name="lora_sft"))
RINSE = HIDE.model_copy(update={"attack": Method(name="rinse")})


def names(stored: list[StoredArtifact]) -> set[str]:
    return {artifact.identity for artifact in stored}


def test_what_a_run_of_another_suite_needs_is_no_leftover(game: Any) -> None:
    play_run(HIDE)
    play_run(RINSE)
    ours, both = make_plan([HIDE]), make_plan([HIDE, RINSE])
    (roles,) = ours.roles.values()
    assert names(leftovers(ours)) == {
        roles[role].identity
        for role in ("attack", "evaluate", "validation", "clean_attack", "clean", "clean_validation")
    }
    named = {stage.identity for roles in both.roles.values() for stage in roles.values()}
    assert names(leftovers(both)) == named, "no run is of another suite"


def test_what_was_never_finished_is_no_leftover(game: Any) -> None:
    planned = make_plan([HIDE])
    assert leftovers(planned) == []
    (roles,) = planned.roles.values()
    roles["protect"].make()
    assert names(leftovers(planned)) == {roles["protect"].identity}, "data are anybody's"


def test_what_is_removed_is_gone_and_nothing_else(game: Any, bench_home: Path) -> None:
    play_run(HIDE)
    play_run(RINSE)
    planned, before = make_plan([HIDE]), artifacts.list_finished()
    gone = leftovers(planned)
    size = sum(file.stat().st_size for artifact in gone for file in artifact.folder.rglob("*") if file.is_file())
    assert remove(gone, []) == size > 0
    assert artifacts.list_finished() == before - {(artifact.kind, artifact.identity) for artifact in gone}
    assert not list((bench_home / "artifacts").rglob(".*")), "nothing is half removed"
    assert len(make_plan([HIDE]).tasks) == len(gone)


def test_traces_are_those_of_the_plans_stages(game: Any, bench_home: Path) -> None:
    planned = make_plan([HIDE])
    failed = next(iter(planned.tasks))
    for name in (failed, "0" * 16):
        write_atomic(bench_home / "failures" / f"{name}.txt", "Traceback")
    found = traces(planned)
    assert [file.stem for file in found] == [failed]
    remove([], found)
    assert failures(planned) == {} and [file.stem for file in (bench_home / "failures").iterdir()] == ["0" * 16]
    remove([], found)  # what another process removed first is no error
