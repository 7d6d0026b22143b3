"""A home is kept under its limit without losing what recorded runs need."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.results import Run, retention
from bench.stages.stage import Stage
from bench.store import shelf
from bench.store.artifacts import find, finished, make

SIZE = 100_000


def put(stage: str, name: str, used: int) -> str:
    """A finished artefact of 0.1 MB that was last used so many seconds after 1970; its identity."""
    made = make(stage, {"name": name}, lambda folder: (folder / "x.bin").write_bytes(bytes(SIZE)) and None)
    os.utime(made.folder, (used, used))
    return made.identity


@pytest.fixture
def three(bench_home: Path) -> list[str]:
    """Three artefacts by their last use, the oldest first."""
    return [put("protect", "a", 100), put("attack", "b", 200), put("protect", "c", 300)]


def keys() -> set[str]:
    """Identities that are there."""
    return {key for _, key in finished()}


@pytest.mark.parametrize(("limit", "left"), [(1e6, 3), (250_000, 2), (150_000, 1), (0, 0)])
def test_what_was_not_used_for_longest_goes_first(three: list[str], limit: float, left: int) -> None:
    freed = retention.trim(limit)
    assert keys() == set(three[3 - left :])
    assert len(freed) == 3 - left
    assert all(size == pytest.approx(SIZE, rel=0.02) for size in freed.values())


def test_a_use_is_remembered(three: list[str]) -> None:
    shutil.rmtree(shelf.Shelved("protect", three[2]).folder)
    assert find("protect", three[0])
    assert shelf.Shelved("protect", three[0]).used > shelf.STARTED
    retention.trim(150_000)
    assert keys() == {three[0]}


def test_what_was_used_since_this_process_began_stays(three: list[str]) -> None:
    assert find("protect", three[0])
    retention.trim(0, everything=True)
    assert keys() == {three[0]}


def test_a_dry_run_removes_nothing(three: list[str]) -> None:
    would = retention.trim(150_000, dry_run=True)
    assert keys() == set(three)
    assert retention.trim(150_000) == would


def test_what_recorded_runs_need_stays_or_goes_last(finished: Callable[..., Run], three: list[str]) -> None:
    """The oldest belongs to a row."""
    row = finished(stages={"protect": three[0]})
    for each in [each for each in shelf.finished() if each.key not in three]:
        each.remove()
    assert row.stages == {"protect": three[0]}
    retention.trim(150_000)
    assert keys() == {three[0]}
    retention.trim(0)
    assert keys() == {three[0]}
    retention.trim(0, everything=True)
    assert keys() == set()


def test_the_limit_holds_after_each_stage(three: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_GB", "0.00035")
    stage = Stage(
        "audit", "d", {"name": "d"}, lambda folder, progress: (folder / "x.bin").write_bytes(bytes(SIZE)) and None
    )
    fourth = stage.make().identity
    assert keys() == {three[1], three[2], fourth}
    monkeypatch.setenv("BENCH_CACHE_GB", "0")
    fifth = Stage("audit", "e", {"name": "e"}, lambda folder, progress: None).make()
    assert keys() == {fifth.identity}, "what was just made is never removed"
