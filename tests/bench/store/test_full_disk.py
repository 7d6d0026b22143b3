"""A full disk or a used-up quota at any moment leaves nothing half-written, and the next run completes the work."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import results
from bench.errors import UserError
from bench.paths import write_atomic
from bench.results import Run
from bench.store import artifacts, checksums, disk

STAGES = ("one", "two", "three")
ROOT = Path(__file__).parent.parent.parent.parent


def pieces(stage: str, folder: Path) -> None:
    """Write the same files of several sizes each time, 200 kB in all."""
    (folder / "images").mkdir()
    for number in range(4):
        (folder / "images" / f"{number}.png").write_bytes(bytes([number]) * 50_000)
    (folder / "text.json").write_text(f'"{stage}"')


def toy_suite() -> None:
    """Make three stages, as a command does."""
    for stage in STAGES:
        artifacts.make(stage, {"stage": stage}, partial(pieces, stage))


def content(home: Path) -> dict[str, bytes]:
    """Return the content of every artefact file by its path, without the manifests, which hold durations."""
    files = [path for path in (home / "artifacts").rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {str(path.relative_to(home)): path.read_bytes() for path in files}


def check_all(home: Path) -> None:
    """Raise BrokenFolder unless every folder is a whole artefact."""
    for folder in (home / "artifacts").glob("*/*"):
        checksums.check(folder)


@pytest.fixture
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the content that the toy suite leaves on a disk with room."""
    home = tmp_path_factory.mktemp("room")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(home))
        toy_suite()
    return content(home)


@contextmanager
def fails_at(moment: int, number: int) -> Iterator[list[str]]:
    """Make every step that changes the disk fail for lack of space, from step number `moment` on."""
    steps: list[str] = []
    real = {"open": io.open, "mkdir": os.mkdir, "fsync": os.fsync, "rename": os.rename}

    def step(name: str, *arguments: Any, **options: Any) -> Any:
        writes = name != "open" or any(letter in str(arguments[1:2] or options.get("mode", "r")) for letter in "wax")
        if writes:
            steps.append(name)
            if len(steps) > moment:
                raise OSError(number, os.strerror(number))
        return real[name](*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", partial(step, "open"))
        for name in ("mkdir", "fsync", "rename"):
            patch.setattr(os, name, partial(step, name))
        yield steps


def count_steps(home: Path) -> int:
    """Return the number of steps of the toy suite that can fail."""
    with pytest.MonkeyPatch.context() as patch, fails_at(10**9, errno.ENOSPC) as steps:
        patch.setenv("BENCH_HOME", str(home))
        toy_suite()
    return len(steps)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_at_every_step_that_can_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict[str, bytes], number: int
) -> None:
    moments = count_steps(tmp_path / "counted")
    assert moments > 50
    for moment in range(moments):
        home = tmp_path / str(moment)
        monkeypatch.setenv("BENCH_HOME", str(home))
        with fails_at(moment, number), pytest.raises(UserError, match=rf"^disk: no space left for {home}") as error:
            toy_suite()
        assert "MB free" in str(error.value)
        assert "BENCH_HOME" in str(error.value)
        check_all(home)
        assert content(home).items() <= expected.items()
        toy_suite()
        check_all(home)
        assert content(home) == expected


def test_a_real_full_disk(small_disk: Path, monkeypatch: pytest.MonkeyPatch, expected: dict[str, bytes]) -> None:
    """Two stages fit; a third does not, until there is room."""
    monkeypatch.setenv("BENCH_HOME", str(small_disk))
    with pytest.raises(UserError, match=r"^disk: no space left .* \(0\.\d MB free"):
        toy_suite()
    check_all(small_disk)
    assert {path.split("/")[1] for path in content(small_disk)} == {"one", "two"}
    subprocess.run(["mount", "-o", "remount,size=2m", str(small_disk)], check=True)
    toy_suite()
    check_all(small_disk)
    assert content(small_disk) == expected


def test_a_row_without_room_is_reported_and_can_be_saved_later(
    finished: Callable[..., Run], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite rolls back a row that it could not write."""
    monkeypatch.setenv("BENCH_HOME", str(small_disk))
    (small_disk / "other").write_bytes(b"x" * 200_000)
    finished(seed=0)
    with suppress(OSError), (small_disk / "rest").open("wb", buffering=0) as rest:
        while rest.write(b"x" * 4096):
            pass
    with pytest.raises(UserError, match=r"^disk: no space left"), disk.full_disk_as_error():
        finished(seed=1, command="x" * 100_000)
    (small_disk / "other").unlink()
    assert [row.seed for row in results.load()] == [0]
    finished(seed=1, command="x" * 100_000)
    assert [row.seed for row in results.load()] == [0, 1]


LIMITED = """
import resource, sys
from tests.bench.store.test_full_disk import toy_suite
from bench.cli.main import app, main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop()),) * 2)
app.registered_commands.clear()
app.command("toy")(toy_suite)
main()
"""


@pytest.mark.parametrize("limit", [0, 1000, 49_999])
def test_a_command_under_a_file_size_limit_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict[str, bytes], limit: int
) -> None:
    """The kernel itself refuses the bytes, in the middle of a file."""

    def command(size: int) -> subprocess.CompletedProcess[str]:
        script = [sys.executable, "-c", LIMITED, "toy", str(size)]
        environment = {**os.environ, "BENCH_HOME": str(tmp_path / "home")}
        return subprocess.run(script, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    full = command(limit)
    assert (full.returncode, full.stdout) == (2, "")
    assert full.stderr.startswith("error: disk: no space left for ")
    assert full.stderr.count("\n") == 1
    check_all(tmp_path / "home")
    assert content(tmp_path / "home") == {}
    assert command(10**9).returncode == 0
    check_all(tmp_path / "home")
    assert content(tmp_path / "home") == expected


@given(st.integers(0, 5))
def test_a_small_file_is_whole_or_as_it_was(moment: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "deep" / "x.json"
        write_atomic(file, "old")
        with suppress(OSError), fails_at(moment, errno.ENOSPC):
            write_atomic(file, "new")
        assert file.read_text() in ("old", "new")
        assert [path.name for path in file.parent.iterdir()] == ["x.json"]


def safetensors() -> None:
    """Raise the error of the safetensors writer, which is not written in Python."""
    raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")


def database() -> None:
    """Raise the error that SQLAlchemy raises for SQLite."""
    try:
        raise ValueError("database or disk is full")
    except ValueError as error:
        raise RuntimeError("(sqlite3.OperationalError)") from error


def pyarrow() -> None:
    """Raise the error of the Parquet writer."""
    raise OSError("Error writing bytes to file. Detail: [errno 122] Disk quota exceeded")


@pytest.mark.parametrize("fails", [safetensors, database, pyarrow])
def test_errors_of_libraries_without_a_number_are_recognised(bench_home: Path, fails: Callable[[], None]) -> None:
    with pytest.raises(UserError, match=r"^disk: no space left") as error:
        artifacts.make("stage", {}, lambda folder: fails())
    assert error.value.__cause__
    assert list((bench_home / "artifacts" / "stage").iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("bad"), OSError(errno.EACCES, "Permission denied"), UserError("mine")])
def test_other_errors_pass_unchanged(bench_home: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, disk.full_disk_as_error():
        raise error
    assert caught.value is error


def test_finished_artefacts_are_found_on_a_full_disk(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading needs no room."""
    toy_suite()
    monkeypatch.setattr(artifacts, "_verified_manifests", {})
    with fails_at(0, errno.ENOSPC):
        finished_artifacts = [artifacts.make(stage, {"stage": stage}, pytest.fail) for stage in STAGES]
        assert all(artifacts.find(artifact.kind, artifact.identity) for artifact in finished_artifacts)
