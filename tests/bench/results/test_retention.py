"""A home is kept within its limit, and recorded runs keep their artefacts."""

import os
import shutil
from collections.abc import Callable

import pytest

from bench.results import Run, retention
from bench.stages.stage import Stage
from bench.store import artifacts, folders
from bench.store.folders import StoredArtifact
from tests.bench.old_artifacts import SIZE, identities


@pytest.mark.parametrize(("limit", "left"), [(1e6, 3), (250_000, 2), (150_000, 1), (0, 0)])
def test_the_longest_unused_artefact_is_removed_first(three: list[str], limit: float, left: int) -> None:
    freed = retention.trim(limit)
    assert identities() == set(three[3 - left :])
    assert len(freed) == 3 - left
    assert all(size == pytest.approx(SIZE, rel=0.02) for size in freed.values())


def test_a_use_moves_an_artefact_to_the_end(three: list[str]) -> None:
    shutil.rmtree(StoredArtifact("protect", three[2]).folder)
    assert artifacts.find("protect", three[0])
    assert StoredArtifact("protect", three[0]).last_use > folders.PROCESS_START
    retention.trim(150_000)
    assert identities() == {three[0]}


def test_artefacts_used_since_this_process_began_stay(three: list[str]) -> None:
    assert artifacts.find("protect", three[0])
    retention.trim(0, everything=True)
    assert identities() == {three[0]}


def test_a_dry_run_removes_nothing(three: list[str]) -> None:
    would = retention.trim(150_000, dry_run=True)
    assert identities() == set(three)
    assert retention.trim(150_000) == would


def test_artefacts_of_recorded_runs_stay_or_go_last(finished: Callable[..., Run], three: list[str]) -> None:
    """A recorded run names the artefact that was unused for longest."""
    row = finished(stages={"protect": three[0]})
    for artifact in folders.list_finished():
        if artifact.identity not in three:
            artifact.remove()
    assert row.stages == {"protect": three[0]}
    retention.trim(150_000)
    assert identities() == {three[0]}
    retention.trim(0)
    assert identities() == {three[0]}
    retention.trim(0, everything=True)
    assert identities() == set()


def test_the_limit_holds_after_each_stage(three: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_GB", "0.00035")
    stage = Stage(
        "audit", "d", {"name": "d"}, lambda folder, progress: (folder / "x.bin").write_bytes(bytes(SIZE)) and None
    )
    fourth = stage.make().identity
    os.utime(stage.folder, (400, 400))
    assert identities() == {three[1], three[2], fourth}
    monkeypatch.setenv("BENCH_CACHE_GB", "0")
    fifth = Stage("audit", "e", {"name": "e"}, lambda folder, progress: None).make()
    assert identities() == {fifth.identity}, "what was just made is never removed"
