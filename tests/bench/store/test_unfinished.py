"""Parts of unfinished work are taken over from a process that has ended, and go with the end of the work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.store import housekeeping
from bench.store.folders import PARTS, list_drafts
from bench.store.unfinished import keep_parts

KEY = "0123456789abcdef"


def ended_process() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave_part(home: Path, process: int, name: str = "part") -> Path:
    """Write a part of the work of another process, and return its folder."""
    folder = home / PARTS / f".{KEY}.parts.{process}"
    folder.mkdir(parents=True)
    (folder / name).write_text("made before")
    return folder


def test_parts_go_when_the_work_is_done(bench_home: Path) -> None:
    with keep_parts(KEY) as folder:
        (folder / "part").write_text("made")
    assert not list((bench_home / PARTS).iterdir())


def test_parts_stay_after_an_error_and_the_same_process_finds_them(bench_home: Path) -> None:
    with pytest.raises(RuntimeError), keep_parts(KEY) as folder:
        (folder / "part").write_text("made")
        raise RuntimeError
    with keep_parts(KEY) as again:
        assert (again / "part").read_text() == "made"


def test_parts_of_a_process_that_has_ended_are_taken_over(bench_home: Path) -> None:
    old = leave_part(bench_home, ended_process())
    with keep_parts(KEY) as folder:
        assert (folder / "part").read_text() == "made before"
        assert not old.exists() and str(os.getpid()) in folder.name


def test_parts_of_a_running_process_and_of_other_work_stay(bench_home: Path) -> None:
    running = leave_part(bench_home, os.getppid())
    with keep_parts("f" * 16) as folder:
        assert not list(folder.iterdir())
    with keep_parts(KEY) as folder:
        assert not list(folder.iterdir())
    assert (running / "part").is_file()


def test_parts_that_nobody_uses_are_listed_and_swept(bench_home: Path) -> None:
    with keep_parts(KEY) as folder:
        old = leave_part(bench_home, ended_process(), "other")
        assert list_drafts() == [old]
        assert housekeeping.sweep(dry_run=False).keys() == {f"{PARTS}/{old.name}"}
        assert folder.is_dir() and not old.exists()
