"""The doctor finds a home that cannot be used, without changing anything in it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.results import load
from tests.bench.doctor.conftest import Examine


def test_a_good_home_stays_as_it_is(bench_home: Path, finding: Examine) -> None:
    assert finding("home").state == finding("results").state == finding("cache").state == "ok"
    assert list(bench_home.iterdir()) == []


def test_a_home_that_is_still_to_be_made_is_not_made(
    tmp_path: Path, finding: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "new" / "home"))
    assert finding("home").state == "ok" and "made by the first run" in finding("home").text
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_home(tmp_path: Path, finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "file"))
    broken = finding("home")
    assert broken.state == "broken" and "is no folder" in broken.text and broken.mend.startswith("allowed: a folder")


def test_a_home_that_cannot_be_written_to(finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even root makes no file there."""
    monkeypatch.setenv("BENCH_HOME", "/proc/home")
    broken = finding("home")
    assert broken.state == "broken" and "cannot be written to" in broken.text and "BENCH_HOME" in broken.mend


def test_a_full_disk(small_disk: Path, finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", str(small_disk / "home"))
    assert finding("disk").state == "broken" and "no room" in finding("disk").text
    assert list(small_disk.iterdir()) == []


def test_a_folder_with_other_content(bench_home: Path, finding: Examine) -> None:
    (bench_home / "holiday.jpg").touch()
    assert finding("home").state == "note" and "other content" in finding("home").text


def test_a_database_that_another_process_holds(bench_home: Path, finding: Examine) -> None:
    assert load() == []
    with closing(sqlite3.connect(bench_home / "results.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert finding("results").state == "note" and "another process" in finding("results").text
    assert finding("results").state == "ok"


def test_a_file_that_is_no_database(bench_home: Path, finding: Examine) -> None:
    (bench_home / "results.sqlite").write_bytes(os.urandom(4096))
    assert finding("results").state == "broken" and "not a database" in finding("results").text


@pytest.mark.parametrize(
    ("address", "part"), [("nothing", "allowed: sqlite"), ("postgresql://me:secret@localhost:1/x", "cannot be used")]
)
def test_a_database_elsewhere(address: str, part: str, finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_RESULTS", address)
    broken = finding("results")
    assert broken.state == "broken" and part in broken.text + broken.mend and "secret" not in str(broken)


def test_a_bad_limit_of_the_cache(finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_GB", "much")
    assert finding("cache").state == "broken" and "BENCH_CACHE_GB: 'much'" in finding("cache").text
