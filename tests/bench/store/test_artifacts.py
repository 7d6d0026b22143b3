"""An artefact is computed once, and is complete or absent, even if the process is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.spec import identity
from bench.store import artifacts, checksums, folders
from bench.store.folders import StoredArtifact

PAYLOAD = {"input": "abc", "seed": 1}
KEY = identity(PAYLOAD)

KILLED = """
import os, signal
from bench.store import artifacts

def work(folder):
    (folder / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

artifacts.make("stage", {"input": "abc", "seed": 1}, work)
"""


def write(text: str) -> Callable[[Path], dict[str, float]]:
    """Return work that writes one file and reports one cost."""

    def work(folder: Path) -> dict[str, float]:
        (folder / "deep").mkdir()
        (folder / "deep" / "out.json").write_text(f'"{text}"')
        return {"steps": 3}

    return work


def make_elsewhere(home: Path, text: str) -> Path:
    """Make the artefact in another home, and return its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(home))
        return artifacts.make("stage", PAYLOAD, write(text)).folder


def list_broken(home: Path) -> list[str]:
    """Return the names of the artefacts that were set aside."""
    return sorted(p.name for p in (home / "broken").glob("[!.]*"))


def list_folders(home: Path) -> list[str]:
    """Return the names of all folders of the stage, drafts included."""
    return sorted(p.name for p in (home / "artifacts" / "stage").glob("*"))


def test_it_is_computed_once(bench_home: Path) -> None:
    first = artifacts.make("stage", PAYLOAD, write("one"))
    again = artifacts.make("stage", dict(reversed(PAYLOAD.items())), lambda folder: pytest.fail("computed twice"))
    assert (first.reused, again.reused) == (False, True)
    assert first.folder == again.folder == bench_home / "artifacts" / "stage" / KEY
    assert again.read("deep/out.json") == first.read("deep/out.json") == "one"
    assert again.manifest == first.manifest
    assert again.manifest["payload"] == PAYLOAD
    assert again.cost["steps"] == 3
    assert again.cost["seconds"] >= 0
    assert again.cost["peak_mb"] > 1
    assert list_folders(bench_home) == [KEY]


def test_payloads_and_stages_are_kept_apart(bench_home: Path) -> None:
    artifacts.make("stage", PAYLOAD, write("one"))
    other = artifacts.make("stage", PAYLOAD | {"seed": 2}, write("two"))
    elsewhere = artifacts.make("other", PAYLOAD, write("three"))
    assert not other.reused
    assert not elsewhere.reused
    assert artifacts.find("stage", KEY).read("deep/out.json") == "one"
    assert other.read("deep/out.json") == "two"
    assert elsewhere.read("deep/out.json") == "three"
    assert artifacts.find("stage", "0" * 16) is None


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_nothing(bench_home: Path, error: type[BaseException]) -> None:
    def fails(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise error

    with pytest.raises(error):
        artifacts.make("stage", PAYLOAD, fails)
    assert list_folders(bench_home) == []
    assert artifacts.find("stage", KEY) is None
    assert artifacts.make("stage", PAYLOAD, write("one")).read("deep/out.json") == "one"


def test_a_killed_process_leaves_nothing_that_counts(bench_home: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], env=os.environ | {"PYTHONPATH": os.getcwd()}, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    (draft,) = (bench_home / "artifacts" / "stage").iterdir()
    assert draft.name.startswith(f".{KEY}.")
    assert (draft / "half.txt").exists()
    assert artifacts.find("stage", KEY) is None
    artifact = artifacts.make("stage", PAYLOAD, write("one"))
    assert not artifact.reused
    assert not (artifact.folder / "half.txt").exists()
    assert list_folders(bench_home) == [KEY]


def test_a_draft_of_a_living_process_is_left_alone(bench_home: Path) -> None:
    draft = bench_home / "artifacts" / "stage" / f".{KEY}.{os.getppid()}"
    draft.mkdir(parents=True)
    artifacts.make("stage", PAYLOAD, write("one"))
    assert draft.exists()


def test_a_draft_of_a_dead_process_of_the_same_number_is_removed(bench_home: Path) -> None:
    """A dead process may have had the same number: in a container, every run is often process 1."""
    draft = bench_home / "artifacts" / "stage" / f".{KEY}.{os.getpid()}"
    draft.mkdir(parents=True)
    (draft / "half.txt").write_text("half")
    artifact = artifacts.make("stage", PAYLOAD, write("one"))
    assert not (artifact.folder / "half.txt").exists()
    assert list_folders(bench_home) == [KEY]


def test_the_slower_of_two_processes_gets_the_artefact_of_the_faster(
    bench_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    winner = make_elsewhere(tmp_path_factory.mktemp("elsewhere"), "winner")

    def overtaken(folder: Path) -> None:
        (folder / "out.json").write_text('"loser"')
        shutil.copytree(winner, folder.with_name(KEY))

    assert artifacts.make("stage", PAYLOAD, overtaken).read("deep/out.json") == "winner"
    assert list_folders(bench_home) == [KEY]


def test_a_broken_artefact_of_the_faster_process_is_replaced(
    bench_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    winner = make_elsewhere(tmp_path_factory.mktemp("elsewhere"), "winner")

    def overtaken(folder: Path) -> None:
        (folder / "out.json").write_text('"loser"')
        shutil.copytree(winner, folder.with_name(KEY))
        (folder.with_name(KEY) / "deep" / "out.json").unlink()

    assert artifacts.make("stage", PAYLOAD, overtaken).read("out.json") == "loser"
    assert list_folders(bench_home) == [KEY]
    assert list_broken(bench_home) == [f"stage-{KEY}-1"]


def test_every_file_is_on_disk_before_the_name_appears(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()
    missing: list[str] = []
    real_sync, real_rename = os.fsync, Path.rename

    def sync(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        real_sync(handle)

    def rename(self: Path, target: Path) -> Path:
        missing.extend(p.name for p in [self, *self.rglob("*")] if not p.is_dir() and p.stat().st_ino not in synced)
        return real_rename(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    artifact = artifacts.make("stage", PAYLOAD, write("one"))
    assert missing == []
    assert {artifact.folder.parent.stat().st_ino, (artifact.folder / "deep" / "out.json").stat().st_ino} <= synced


@pytest.fixture
def next_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that makes this process forget which folders it has checked."""
    return lambda: monkeypatch.setattr(artifacts, "_verified_manifests", {})


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": lambda folder: os.truncate(folder / "deep" / "out.json", 2),
    "emptied": lambda folder: os.truncate(folder / "deep" / "out.json", 0),
    "grown": lambda folder: (folder / "deep" / "out.json").write_text('"one" '),
    "changed": lambda folder: (folder / "deep" / "out.json").write_text('"two"'),
    "lost": lambda folder: (folder / "deep" / "out.json").unlink(),
    "added to": lambda folder: (folder / "deep" / "new.json").touch(),
    "linked": lambda folder: (folder / "deep" / "link.json").symlink_to("out.json"),
    "without a manifest": lambda folder: (folder / "manifest.json").unlink(),
    "with an empty manifest": lambda folder: os.truncate(folder / "manifest.json", 0),
    "with another manifest": lambda folder: (folder / "manifest.json").write_text(json.dumps({"cost": {}})),
    "of another cost": lambda folder: edit(folder / "manifest.json", '"steps": 3', '"steps": 4'),
}


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that the file must contain."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_broken_artefact_is_set_aside_and_made_again(
    bench_home: Path, next_process: Callable[[], None], caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    folder = artifacts.make("stage", PAYLOAD, write("one")).folder
    next_process()
    DAMAGE[damage](folder)
    files = sorted(p.name for p in folder.rglob("*"))
    assert artifacts.find("stage", KEY) is None
    assert not folder.exists()
    assert list_broken(bench_home) == [f"stage-{KEY}-1"]
    assert sorted(p.name for p in (bench_home / "broken" / f"stage-{KEY}-1").rglob("*")) == files, "something is gone"
    assert (warning := caplog.text.strip()).count("\n") == 0
    assert f"broken: stage/{KEY}: " in warning
    artifact = artifacts.make("stage", PAYLOAD, write("one"))
    assert (artifact.reused, artifact.read("deep/out.json")) == (False, "one")
    next_process()
    assert artifacts.find("stage", KEY) == replace(artifact, reused=True)


def test_an_artefact_under_another_name_is_broken(bench_home: Path, next_process: Callable[[], None]) -> None:
    artifact = artifacts.make("stage", PAYLOAD, write("one"))
    shutil.copytree(artifact.folder, artifact.folder.with_name("0" * 16))
    assert artifacts.find("stage", "0" * 16) is None
    assert list_broken(bench_home) == ["stage-0000000000000000-1"]


def test_an_artefact_that_breaks_twice_is_kept_twice(bench_home: Path, next_process: Callable[[], None]) -> None:
    for _ in range(2):
        (artifacts.make("stage", PAYLOAD, write("one")).folder / "deep" / "out.json").unlink()
        next_process()
        assert artifacts.find("stage", KEY) is None
    assert list_broken(bench_home) == [f"stage-{KEY}-1", f"stage-{KEY}-2"]


def test_a_good_artefact_that_replaced_a_broken_one_stays(bench_home: Path) -> None:
    """Two processes find the same folder broken; the faster one has made it again before the slower sets it aside."""
    folder = artifacts.make("stage", PAYLOAD, write("one")).folder
    broken = folder.stat().st_ino
    folder.rename(folder.with_name("moved"))
    artifacts.make("stage", PAYLOAD, write("one"))
    assert not folders.set_aside(StoredArtifact("stage", KEY), broken, "late")
    assert (folder / "deep" / "out.json").exists()
    assert list_broken(bench_home) == []


def test_a_home_that_cannot_be_written_gives_nothing_broken(
    bench_home: Path,
    next_process: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (artifacts.make("stage", PAYLOAD, write("one")).folder / "deep" / "out.json").unlink()
    next_process()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    assert artifacts.find("stage", KEY) is None
    assert "cannot be set aside" in caplog.text
    assert list_folders(bench_home) == [KEY]


def test_bytes_are_read_once_a_process(
    bench_home: Path, next_process: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts.make("stage", PAYLOAD, write("one"))
    next_process()
    read: list[Path] = []
    real = checksums.check
    monkeypatch.setattr(checksums, "check", lambda folder: read.append(folder) or real(folder))
    for _ in range(3):
        assert artifacts.find("stage", KEY)
    assert len(read) == 1


def test_listing_and_peeking_check_nothing(bench_home: Path, next_process: Callable[[], None]) -> None:
    artifact = artifacts.make("stage", PAYLOAD, write("one"))
    os.truncate(artifact.folder / "deep" / "out.json", 2)
    next_process()
    assert artifacts.list_finished() == {("stage", KEY)}
    assert artifacts.peek("stage", KEY) == replace(artifact, reused=True)
    assert artifacts.peek("stage", "0" * 16) is None
    assert list_folders(bench_home) == [KEY]


def test_a_use_changes_the_time_of_the_folder_and_of_no_file(bench_home: Path) -> None:
    folder = artifacts.make("stage", PAYLOAD, write("one")).folder
    os.utime(folder, (1, 1))
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    artifacts.peek("stage", KEY)
    assert folder.stat().st_mtime == 1
    assert artifacts.find("stage", KEY)
    assert folder.stat().st_mtime > 1e9
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_a_release_of_960_pictures_is_checked_in_a_moment(bench_home: Path, next_process: Callable[[], None]) -> None:
    """This takes about 30 ms on one core; the bound leaves room for a busy machine."""

    def pictures(folder: Path) -> None:
        for number in range(960):
            (folder / f"{number}.png").write_bytes(os.urandom(6000))

    artifacts.make("stage", PAYLOAD, pictures)
    seconds = []
    for _ in range(5):
        next_process()
        begun = time.perf_counter()
        assert artifacts.find("stage", KEY)
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.2
