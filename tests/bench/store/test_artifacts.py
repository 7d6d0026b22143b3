"""An artefact is computed once, and is complete or absent, whatever kills its maker."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.spec import identity
from bench.store.artifacts import find, make

PAYLOAD = {"input": "abc", "seed": 1}
KEY = identity(PAYLOAD)

KILLED = """
import os, signal
from bench.store.artifacts import make

def work(folder):
    (folder / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

make("stage", {"input": "abc", "seed": 1}, work)
"""


def write(text: str) -> Callable[[Path], dict[str, float]]:
    """Work that leaves one file and reports one cost."""

    def work(folder: Path) -> dict[str, float]:
        (folder / "deep").mkdir()
        (folder / "deep" / "out.json").write_text(f'"{text}"')
        return {"steps": 3}

    return work


def left(home: Path) -> list[str]:
    """Everything under the artefacts of the stage."""
    return sorted(p.name for p in (home / "artifacts" / "stage").glob("*"))


def test_it_is_computed_once(bench_home: Path) -> None:
    first = make("stage", PAYLOAD, write("one"))
    again = make("stage", dict(reversed(PAYLOAD.items())), lambda folder: pytest.fail("computed twice"))
    assert (first.reused, again.reused) == (False, True)
    assert first.folder == again.folder == bench_home / "artifacts" / "stage" / KEY
    assert again.read("deep/out.json") == first.read("deep/out.json") == "one"
    assert again.manifest == first.manifest
    assert again.manifest["payload"] == PAYLOAD
    assert again.cost["steps"] == 3
    assert again.cost["seconds"] >= 0
    assert again.cost["peak_mb"] > 1
    assert left(bench_home) == [KEY]


def test_payloads_and_stages_are_kept_apart(bench_home: Path) -> None:
    make("stage", PAYLOAD, write("one"))
    other = make("stage", PAYLOAD | {"seed": 2}, write("two"))
    elsewhere = make("other", PAYLOAD, write("three"))
    assert not other.reused
    assert not elsewhere.reused
    assert find("stage", KEY).read("deep/out.json") == "one"
    assert other.read("deep/out.json") == "two"
    assert elsewhere.read("deep/out.json") == "three"
    assert find("stage", "0" * 16) is None


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_nothing(bench_home: Path, error: type[BaseException]) -> None:
    def fails(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise error

    with pytest.raises(error):
        make("stage", PAYLOAD, fails)
    assert left(bench_home) == []
    assert find("stage", KEY) is None
    assert make("stage", PAYLOAD, write("one")).read("deep/out.json") == "one"


def test_a_killed_process_leaves_nothing_that_counts(bench_home: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], env=os.environ | {"PYTHONPATH": os.getcwd()}, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    (draft,) = (bench_home / "artifacts" / "stage").iterdir()
    assert draft.name.startswith(f".{KEY}.")
    assert (draft / "half.txt").exists()
    assert find("stage", KEY) is None
    made = make("stage", PAYLOAD, write("one"))
    assert not made.reused
    assert not (made.folder / "half.txt").exists()
    assert left(bench_home) == [KEY]


def test_a_draft_of_a_living_process_is_left_alone(bench_home: Path) -> None:
    draft = bench_home / "artifacts" / "stage" / f".{KEY}.{os.getppid()}"
    draft.mkdir(parents=True)
    make("stage", PAYLOAD, write("one"))
    assert draft.exists()


def test_a_dead_process_that_had_this_ones_number_is_no_obstacle(bench_home: Path) -> None:
    """In a container every run is often process 1."""
    draft = bench_home / "artifacts" / "stage" / f".{KEY}.{os.getpid()}"
    draft.mkdir(parents=True)
    (draft / "half.txt").write_text("half")
    made = make("stage", PAYLOAD, write("one"))
    assert not (made.folder / "half.txt").exists()
    assert left(bench_home) == [KEY]


def test_the_loser_of_a_race_is_given_the_winners(bench_home: Path) -> None:
    def overtaken(folder: Path) -> None:
        (folder / "out.json").write_text('"loser"')
        winner = folder.with_name(KEY)
        shutil.copytree(folder, winner)
        (winner / "out.json").write_text('"winner"')
        (winner / "manifest.json").write_text('{"cost": {}}')

    assert make("stage", PAYLOAD, overtaken).read("out.json") == "winner"
    assert left(bench_home) == [KEY]


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
    made = make("stage", PAYLOAD, write("one"))
    assert missing == []
    assert {made.folder.parent.stat().st_ino, (made.folder / "deep" / "out.json").stat().st_ino} <= synced
