"""Housekeeping reports the usage of a home, and finds and removes what is broken or unfinished."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.store import artifacts, housekeeping
from bench.store.folders import StoredArtifact
from tests.bench.old_artifacts import SIZE, identities, put


def draft(home: Path, process: int, size: int = 10) -> Path:
    """Create the unfinished folder of a process."""
    folder = home / "artifacts" / "protect" / f".{'0' * 16}.{process}"
    folder.mkdir(parents=True)
    (folder / "half.bin").write_bytes(bytes(size))
    return folder


@pytest.fixture
def dead() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_usage_is_summed_by_stage(bench_home: Path, three: list[str], dead: int) -> None:
    draft(bench_home, dead)
    rows = {row.pop("stage"): row for row in housekeeping.summarise_usage()}
    assert list(rows) == ["(unfinished)", "attack", "protect", "all"]
    assert (rows["protect"]["artefacts"], rows["all"]["artefacts"]) == (2, 4)
    assert rows["protect"]["mb"] == pytest.approx(0.2, rel=0.02)
    assert rows["protect"]["used"] == "1970-01-01T00:05:00+00:00"


def test_an_empty_home_has_nothing_to_report(bench_home: Path) -> None:
    assert housekeeping.summarise_usage() == [{"stage": "all", "artefacts": 0, "mb": 0.0, "used": None}]
    assert list(housekeeping.verify()) == []
    assert housekeeping.sweep() == {}


def test_verify_sets_aside_what_is_broken_and_nothing_else(bench_home: Path, three: list[str]) -> None:
    """`verify` reads every byte, although this process has checked all of them before."""
    os.truncate(bench_home / "artifacts" / "attack" / three[1] / "x.bin", 5)
    (bench_home / "artifacts" / "protect" / ("0" * 16)).mkdir()
    faults = {artifact.identity: fault for artifact, fault in housekeeping.verify() if fault}
    assert faults.keys() == {three[1], "0" * 16}
    assert faults[three[1]] == f"x.bin has 5 bytes, not {SIZE}"
    assert identities() == {three[0], three[2]}
    assert len(list((bench_home / "broken").glob("[!.]*"))) == 2
    assert [fault for _, fault in housekeeping.verify()] == [None, None]


@pytest.mark.parametrize("dry_run", [False, True])
def test_sweep_removes_drafts_and_broken_ones(bench_home: Path, three: list[str], dead: int, dry_run: bool) -> None:
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
    assert identities() == {three[0], three[2]}


@pytest.mark.parametrize("value", ["-1", "much", "nan", "inf", "1 GB", "1,5"])
def test_an_invalid_limit_is_reported_before_the_work(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BENCH_CACHE_GB", value)
    with pytest.raises(UserError, match=f"BENCH_CACHE_GB: '{value}'; allowed: a number of gigabytes"):
        artifacts.make("stage", {}, pytest.fail)


def test_a_second_removal_frees_nothing(three: list[str]) -> None:
    artifact = StoredArtifact("attack", three[1])
    assert artifact.remove() == pytest.approx(SIZE, rel=0.02)
    assert artifact.remove() == 0
    assert artifact.last_use == 0


def test_a_killed_removal_leaves_no_visible_part(
    bench_home: Path, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        StoredArtifact("attack", three[1]).remove()
    monkeypatch.setattr(artifacts, "_verified_manifests", {})
    assert artifacts.find("attack", three[1]) is None
    assert not (bench_home / "broken").exists()
    assert put("attack", "b", 200) == three[1]
    assert [path.name for path in (bench_home / "artifacts" / "attack").iterdir()] == [three[1]]
