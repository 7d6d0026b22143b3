"""A home tells what it holds, finds what is broken, and is kept under a limit without losing what is needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.store import artifacts, housekeeping, shelf
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


def draft(home: Path, process: int, size: int = 10) -> Path:
    """What a process has begun."""
    folder = home / "artifacts" / "protect" / f".{'0' * 16}.{process}"
    folder.mkdir(parents=True)
    (folder / "half.bin").write_bytes(bytes(size))
    return folder


@pytest.fixture
def dead() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_usage_is_summed_by_stage(bench_home: Path, three: list[str], dead: int) -> None:
    draft(bench_home, dead)
    rows = {row.pop("stage"): row for row in housekeeping.usage()}
    assert list(rows) == ["(unfinished)", "attack", "protect", "all"]
    assert (rows["protect"]["artefacts"], rows["all"]["artefacts"]) == (2, 4)
    assert rows["protect"]["mb"] == pytest.approx(0.2, rel=0.02)
    assert rows["protect"]["used"] == "1970-01-01T00:05:00+00:00"


def test_an_empty_home_is_nothing(bench_home: Path) -> None:
    assert housekeeping.usage() == [{"stage": "all", "artefacts": 0, "mb": 0.0, "used": None}]
    assert list(housekeeping.verify()) == []
    assert housekeeping.sweep() == {}


def test_verify_sets_aside_what_is_broken_and_nothing_else(bench_home: Path, three: list[str]) -> None:
    """Though this process has checked all of it before."""
    os.truncate(bench_home / "artifacts" / "attack" / three[1] / "x.bin", 5)
    (bench_home / "artifacts" / "protect" / ("0" * 16)).mkdir()
    told = {each.key: reason for each, reason in housekeeping.verify() if reason}
    assert told.keys() == {three[1], "0" * 16}
    assert told[three[1]] == f"x.bin has 5 bytes, not {SIZE}"
    assert keys() == {three[0], three[2]}
    assert len(list((bench_home / "broken").glob("[!.]*"))) == 2
    assert [reason for _, reason in housekeeping.verify()] == [None, None]


@pytest.mark.parametrize("dry_run", [False, True])
def test_sweep_removes_what_is_dead_or_broken(bench_home: Path, three: list[str], dead: int, dry_run: bool) -> None:
    mine, others, gone = (draft(bench_home, number) for number in (os.getpid(), os.getppid(), dead))
    lost = bench_home / "methods" / f".x.json.{dead}"
    lost.parent.mkdir()
    lost.write_text("half")
    os.truncate(bench_home / "artifacts" / "attack" / three[1] / "x.bin", 5)
    list(housekeeping.verify())
    freed = housekeeping.sweep(dry_run=dry_run)
    aside = bench_home / "broken" / f"attack-{three[1]}-1"
    assert freed.keys() == {str(path.relative_to(bench_home)) for path in (gone, lost, aside)}
    assert freed[str(gone.relative_to(bench_home))] == 10
    assert [path.exists() for path in (gone, lost, aside)] == [dry_run] * 3
    assert mine.exists() and others.exists()
    assert keys() == {three[0], three[2]}


@pytest.mark.parametrize("value", ["-1", "much", "nan", "inf", "1 GB", "1,5"])
def test_a_limit_that_is_none_is_told_before_the_work(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BENCH_CACHE_GB", value)
    with pytest.raises(UserError, match=f"BENCH_CACHE_GB: '{value}'; allowed: a number of gigabytes"):
        make("stage", {}, pytest.fail)


def test_two_processes_that_remove_the_same_free_it_once(three: list[str]) -> None:
    each = shelf.Shelved("attack", three[1])
    assert each.remove() == pytest.approx(SIZE, rel=0.02)
    assert each.remove() == 0
    assert each.used == 0


def test_a_removal_that_is_killed_leaves_no_part_in_sight(
    bench_home: Path, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        shelf.Shelved("attack", three[1]).remove()
    monkeypatch.setattr(artifacts, "_checked", {})
    assert find("attack", three[1]) is None
    assert not (bench_home / "broken").exists()
    assert put("attack", "b", 200) == three[1]
    assert [path.name for path in (bench_home / "artifacts" / "attack").iterdir()] == [three[1]]
