"""A few samples, a place outside that must stay as it is, and a sandbox with tight limits."""

import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.errors import UserError
from bench.samples import SampleSet
from bench.sandbox import Limits, protect
from bench.sandbox.command import find_program
from bench.sandbox.watch import descendants
from bench.spec import Budget
from bench.stages.fidelity import check_release
from defenses.base import Protected
from tests.bench.sandbox.entries import PRELUDE

TIGHT = Limits(seconds=3, memory=2**30, disk=2**26, names=2000, processes=48, output=2**20)
LONG = TIGHT._replace(seconds=60)

ROOT = Path(__file__).parents[3]

Play = Callable[..., Protected]


@pytest.fixture(autouse=True)
def _sandbox(request: pytest.FixtureRequest) -> None:
    if "without_sandbox" not in request.keywords:
        try:
            find_program()
        except UserError as error:
            pytest.skip(str(error))


def list_all(folder: Path) -> list[tuple[str, int, int]]:
    """Return the name, size and time of everything in a folder."""
    paths = sorted(folder.rglob("*"))
    return [(str(path.relative_to(folder)), path.lstat().st_size, path.lstat().st_mtime_ns) for path in paths]


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of places outside, and a check that they are as before, and that nothing still runs."""
    sentinel, home = tmp_path / "sentinel", tmp_path / "home"
    for folder in (sentinel, home):
        folder.mkdir()
        (folder / "kept").write_text("sesame")
    monkeypatch.setenv("BENCH_HOME", str(home))
    monkeypatch.setenv("HF_TOKEN", "sesame")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    before = list_all(sentinel), list_all(home)
    yield {"sentinel": str(sentinel), "home": str(home), "private": str(sentinel / "kept"), "root": str(ROOT)}
    assert (list_all(sentinel), list_all(home)) == before
    assert list(temporary.iterdir()) == []
    assert not [pid for pid in descendants(os.getpid()) if "bench.sandbox" in command_line(pid)]
    assert not [pid for pid in descendants(1) if str(temporary) in command_line(pid)]


def command_line(process: int) -> str:
    """Return the command line of a process; "" where it has ended."""
    try:
        return (Path("/proc") / str(process) / "cmdline").read_text()
    except OSError:
        return ""


@pytest.fixture
def play(tmp_path: Path, samples: SampleSet, outside: dict[str, Any]) -> Play:
    """Play the body of `protect`, or a whole file, and check its release as a stage does."""

    def play(body: str, limits: Limits = LONG, whole: bool = False, **places: Any) -> Protected:
        text = body if whole else PRELUDE.format() + textwrap.indent(body.format(**outside, **places), " " * 8)
        file = tmp_path / "entry.py"
        file.write_text(text)
        protected = protect(file, {}, samples, (), Budget(), 0, limits=limits)
        check_release(samples, protected.samples)
        return protected

    return play
