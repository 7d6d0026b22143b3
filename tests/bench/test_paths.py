"""The home folder of results and artefacts."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import results
from bench.cli.main import main
from bench.errors import UserError
from bench.paths import ALLOWED, MARK, is_marked, make_home
from bench.paths import home as find_home
from bench.results import Run
from tests.synthetic_home import home, nothing_shipped, run_factory

__all__ = ["home", "nothing_shipped", "run_factory"]


def test_the_home_is_where_the_variable_says_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_HOME", "results")
    assert find_home() == tmp_path / "results"
    monkeypatch.delenv("BENCH_HOME")
    assert find_home() == tmp_path / ".bench"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "what?now",
        "50% off",
        "a#b",
        "a b",
        "it's",
        'a"b',
        "héäß✓",
        "line\nbreak",
        "a&mode=memory",
        "back\\slash",
        "[v2]",
    ],
)
def test_a_home_of_any_name_holds_its_database(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_factory: Callable[..., Run]
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / name))
    results.save(run_factory(1))
    assert [run.id for run in results.load()] == [run_factory(1).id]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert {entry.name for entry in (tmp_path / name).iterdir()} == {MARK, "results.sqlite"}
    assert is_marked(tmp_path / name)


def test_a_tilde_is_the_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BENCH_HOME", "~/results")
    assert find_home() == tmp_path / "results"


def test_an_empty_name_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_HOME", "")
    assert results.load() == []
    assert [entry.name for entry in tmp_path.iterdir()] == [".bench"]


def file(place: Path) -> Path:
    place.write_text("mine")
    return place


def below_a_file(place: Path) -> Path:
    return file(place) / "below"


def broken_link(place: Path) -> Path:
    place.symlink_to(place.with_name("gone"))
    return place


def below_a_broken_link(place: Path) -> Path:
    return broken_link(place) / "below"


def loop(place: Path) -> Path:
    place.symlink_to(place)
    return place


def pipe(place: Path) -> Path:
    os.mkfifo(place)
    return place


def too_long(place: Path) -> Path:
    place.mkdir()
    return place / ("a" * 300)


def nobody(place: Path) -> Path:
    return Path("~no-such-user/home")


@pytest.mark.parametrize("make", [file, below_a_file, broken_link, below_a_broken_link, loop, pipe, too_long, nobody])
@pytest.mark.parametrize("arguments", [["show"], ["cache", "ls"], ["cache", "gc"], ["smells"]])
def test_a_home_that_cannot_be_one_is_one_line(
    make: Callable[[Path], Path], arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("BENCH_HOME", str(make(tmp_path / "place")))
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error.startswith("error: BENCH_HOME: ") and ALLOWED in error and error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_to_a_folder_is_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "link"))
    assert make_home() == tmp_path / "disk"


@pytest.mark.parametrize("mark", ["", "{", "[]", '{"home of": "other"}', "\0"])
def test_only_the_suites_own_mark_counts(mark: str, tmp_path: Path) -> None:
    (tmp_path / MARK).write_text(mark)
    assert not is_marked(tmp_path)


@pytest.fixture
def read_only(home: Path) -> Iterator[Path]:
    """A home with eleven runs on a file system that is mounted for reading alone."""
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", str(home), str(home)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.decode().strip()}")
    yield home
    subprocess.run(["umount", str(home)], check=True)


@pytest.mark.parametrize(
    "arguments",
    [["show"], ["list"], ["cache", "ls"], ["cache", "gc", "--dry-run"], ["smells"], ["suite", "status", "smoke"],
     ["suite", "plan", "smoke"], ["data", "list"], ["victims", "list"]],
)  # fmt: skip
def test_a_read_only_home_can_be_read(
    arguments: list[str], read_only: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    out, error = capsys.readouterr()
    assert end.value.code == 0, error
    assert out


def test_a_read_only_home_is_not_written_to(read_only: Path, run_factory: Callable[..., Run]) -> None:
    assert len(results.load()) == 10
    with pytest.raises(UserError, match="readonly database"):
        results.save(run_factory(200))
