"""A suite on a disk that is too small, locally and on Ray: one clear line, nothing half-made, then completed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.store import checksums
from tests.e2e import toy_suite
from tests.e2e.processes import ROOT, environment

COMMAND = """
from bench.cli import suite
from bench.cli.main import main
from tests.e2e import toy_suite
suite.load_plan = lambda name: toy_suite.plan()
main()
"""
"""The command `bench`, which plays the toy suite under any name."""


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", COMMAND, "suite", "run", "toy", "--workers", "2", *arguments]
    return subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300)


def count_whole(home: Path) -> int:
    """Return the number of finished artefacts. Raises BrokenFolder unless all are whole."""
    folders = list((home / "artifacts").glob("*/[!.]*"))
    for folder in folders:
        checksums.check(folder)
    return len(folders)


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_suite_goes_on_where_there_is_room(
    fresh: Callable[..., Path], small_disk: Path, request: pytest.FixtureRequest, engine: str
) -> None:
    address = ["--address", request.getfixturevalue("cluster")] if engine == "ray" else []
    fresh("room")
    assert bench("--engine", "local").returncode == 0
    table = toy_suite.results_table()
    home = fresh("home", small_disk)
    resize(small_disk, "340k")
    full = bench("--engine", engine, *address)
    assert full.returncode in (1, 2)
    lines = full.stderr.splitlines()
    assert lines and all(f"disk: no space left for {home} (0." in line for line in lines)
    assert "failed  " in full.stdout and "Traceback" not in full.stdout
    finished = count_whole(home)
    assert 0 < finished < len(toy_suite.plan().stages)
    resize(small_disk, "8m")
    starts = (home / "started.log").read_text().count("\n")
    again = bench("--engine", engine, *address)
    assert (again.returncode, again.stderr) == (0, "")
    assert toy_suite.results_table() == table
    assert (home / "started.log").read_text().count("\n") - starts == count_whole(home) - finished
    assert not list(home.glob("artifacts/*/.*"))
