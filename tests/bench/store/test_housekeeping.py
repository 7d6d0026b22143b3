"""Housekeeping reports the usage of a home, and finds and removes what is broken or unfinished."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.errors import UserError
from bench.paths import MARK, is_marked
from bench.results import retention
from bench.store import artifacts, housekeeping
from bench.store.folders import SKEW, StoredArtifact
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
    lost = bench_home / "methods" / f".{'0' * 16}.json.{dead}"
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


def foreign_manifest(home: Path, dead: int) -> None:
    folder = home / "artifacts" / "protect" / ("f" * 16)
    folder.mkdir()
    (folder / "manifest.json").write_text('{"name": "an app", "files": {}}')


def foreign_manifest_of_our_form(home: Path, dead: int) -> None:
    folder = home / "artifacts" / "protect" / ("f" * 16)
    folder.mkdir()
    (folder / "manifest.json").write_text('{"stage": "protect", "payload": {}, "cost": {}}')


def artefact_under_another_name(home: Path, dead: int) -> None:
    (artefact,) = (home / "artifacts" / "attack").iterdir()
    shutil.copytree(artefact, home / "artifacts" / "attack" / ("f" * 16))


def artefact_with_a_suffix(home: Path, dead: int) -> None:
    (artefact,) = (home / "artifacts" / "attack").iterdir()
    shutil.copytree(artefact, artefact.with_name(f"{artefact.name} copy"))


def truncated_manifest(home: Path, dead: int) -> None:
    (artefact,) = (home / "artifacts" / "attack").iterdir()
    copy = shutil.copytree(artefact, home / "artifacts" / "attack" / ("f" * 16))
    os.truncate(copy / "manifest.json", 30)


def linked_artefact(home: Path, dead: int) -> None:
    (artefact,) = (home / "artifacts" / "attack").iterdir()
    (home / "elsewhere").mkdir()
    artefact.rename(home / "elsewhere" / artefact.name)
    artefact.symlink_to(home / "elsewhere" / artefact.name)


def linked_kind(home: Path, dead: int) -> None:
    (home / "artifacts" / "attack").rename(home / "elsewhere")
    (home / "artifacts" / "attack").symlink_to(home / "elsewhere")


def linked_rooms(home: Path, dead: int) -> None:
    (home / "elsewhere").mkdir()
    (home / "elsewhere" / f".{'0' * 16}.json.{dead}").write_text("x")
    (home / "elsewhere" / f"attack-{'0' * 16}-1").mkdir()
    for name in ("methods", "broken"):
        (home / name).symlink_to(home / "elsewhere")


def linked_draft(home: Path, dead: int) -> None:
    (home / "elsewhere").mkdir()
    (home / "artifacts" / "protect" / f".{'0' * 16}.{dead}").symlink_to(home / "elsewhere")


def drafts_of_others(home: Path, dead: int) -> None:
    for folder in ("methods", "notes", "artifacts", "artifacts/protect", ".git"):
        (home / folder).mkdir(exist_ok=True)
        for name in (
            ".x.99999999999999999999",
            f".x.{dead}",
            f".report.txt.{dead}",
            f".{'0' * 16}.99999999999",
            ".x.²",
        ):
            (home / folder / name).write_text("mine")


def broken_of_others(home: Path, dead: int) -> None:
    for name in ("toys", "attack-1", f"attack-{'0' * 16}-x", f"attack-{'0' * 16}-1"):
        (home / "broken" / name).mkdir(parents=True)
        (home / "broken" / name / "manifest.json").write_text("{}")
    (home / "broken" / "notes.txt").write_text("mine")


def a_project(home: Path, dead: int) -> None:
    for name in ("artifacts/manifest.json", "artifacts/model/best/manifest.json", "src/main.py", "results.csv", ".env"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("mine")


FOREIGN = [
    foreign_manifest, foreign_manifest_of_our_form, artefact_under_another_name, artefact_with_a_suffix,
    truncated_manifest, linked_artefact, linked_kind, linked_rooms, linked_draft, drafts_of_others, broken_of_others,
    a_project,
]  # fmt: skip


@pytest.mark.parametrize("put_there", FOREIGN)
def test_what_the_suite_did_not_write_stays(
    put_there: Callable[[Path, int], None], bench_home: Path, three: list[str], dead: int
) -> None:
    """Everything of the suite goes, and nothing else; a dry run lists the same."""
    put_there(bench_home, dead)
    reachable = {path.resolve() for path in bench_home.rglob("*")}
    ours = [bench_home / "artifacts" / kind / name for kind in ("protect", "attack") for name in three]
    listed = housekeeping.sweep(dry_run=True) | retention.trim(0, everything=True, dry_run=True)
    assert (housekeeping.sweep() | retention.trim(0, everything=True)).keys() == listed.keys()
    left = {path.resolve() for path in bench_home.rglob("*")}
    gone = reachable - left
    assert all(any(path.is_relative_to(folder) for folder in ours) for path in gone)
    assert len([name for name in listed if name.startswith("artifacts/")]) >= 2
    assert {bench_home / name for name in listed} <= set(ours)


@pytest.mark.parametrize("command", [["cache", "gc"], ["cache", "gc", "--max-gb", "0", "--all"]])
def test_nothing_is_removed_in_a_folder_that_is_no_home(
    command: list[str], bench_home: Path, dead: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench_home / "artifacts" / "protect").mkdir(parents=True)
    for put_there in (foreign_manifest, foreign_manifest_of_our_form, drafts_of_others, broken_of_others, a_project):
        shutil.rmtree(bench_home / "artifacts" / "protect" / ("f" * 16), ignore_errors=True)
        put_there(bench_home, dead)
    before = sorted(bench_home.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["bench", *command])
    with pytest.raises(SystemExit) as end:
        main()
    error = capsys.readouterr().err
    assert (end.value.code, error.count("\n")) == (2, 1)
    assert error.startswith("error: BENCH_HOME: ") and "nothing in it is removed" in error
    assert sorted(bench_home.rglob("*")) == before


def test_a_home_of_an_earlier_version_is_recognised_and_marked(bench_home: Path, three: list[str]) -> None:
    (bench_home / MARK).unlink()
    assert len(retention.trim(0, everything=True)) == len(three)
    assert is_marked(bench_home)


@pytest.mark.parametrize("seconds", [2 * SKEW, 10 * 365 * 86400, 2**33])
def test_an_artefact_of_the_future_goes_after_older_ones(bench_home: Path, three: list[str], seconds: int) -> None:
    os.utime(StoredArtifact("protect", three[0]).folder, (seconds, time.time() + seconds))
    assert list(retention.trim(150_000)) == [f"artifacts/attack/{three[1]}", f"artifacts/protect/{three[2]}"]
    assert housekeeping.summarise_usage()[-1]["used"] is not None
    assert list(retention.trim(0)) == [f"artifacts/protect/{three[0]}"]
