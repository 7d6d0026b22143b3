"""The database of the URL is opened, or a clear error says why it cannot be."""

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.results import database
from bench.results.database import ALLOWED, connect, hide_passwords, read_state
from bench.results.rows import Run, load, save

SECRET = "s3cr:t/@ö"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("results.db", "Could not parse"),
        ("sqlite://", "gone with the process"),
        ("sqlite:///:memory:", "gone with the process"),
        ("sqlite+aiosqlite:////tmp/x.sqlite", "No module named 'aiosqlite'"),
        ("mysql://me@host/db", "no such database is known"),
        ("postgres://me@host/db", "Can't load plugin"),
        ("postgresql+asyncpg://me@host/db", "no such database is known"),
        ("postgresql://me@host:port/db", "invalid literal"),
        ("sqlite:////no/such/folder/x.sqlite", "unable to open database file"),
        ("postgresql://me@127.0.0.1:1/db", "onnection refused"),
        ("postgresql://me@/db?host=/no/such/folder", "No such file or directory"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_RESULTS", url)
    with pytest.raises(UserError) as refused:
        load()
    field, *rest = str(refused.value).split(" cannot be used: ")
    assert field == f"BENCH_RESULTS: {url!r}"
    assert reason in rest[0] and rest[0].endswith(f"; allowed: {ALLOWED}")


def test_a_file_that_is_not_a_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, " * 100)
    with pytest.raises(UserError, match="file is not a database"):
        connect(f"sqlite:///{file}")
    assert file.read_text() == "not a database, " * 100


def test_a_missing_driver_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"psycopg.*pip install 'mmguard-bench\[postgres\]'"):
        connect("postgresql://me@host/without_driver")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@127.0.0.1:1/db",
        f"postgresql://me@127.0.0.1:1/db?sslmode=disable&password={SECRET}",
        f"postgresql://me@127.0.0.1:1/db?sslpassword={SECRET}&x=1",
        f"nonsense//me:{SECRET}@127.0.0.1:1",
    ],
)
def test_no_password_is_shown(url: str) -> None:
    with pytest.raises(UserError) as refused:
        connect(url)
    assert SECRET not in str(refused.value) and "***" in str(refused.value)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_password_is_hidden(password: str) -> None:
    assert hide_passwords(f"postgresql://me:{password}@h/d") == "postgresql://me:***@h/d"


def test_a_url_without_a_password_is_shown_whole() -> None:
    for url in ("sqlite:////home/me@work/x.sqlite", "postgresql://me@host:5432/db?host=/tmp"):
        assert hide_passwords(url) == url


def test_each_process_has_one_engine_for_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = f"sqlite:///{tmp_path / 'a'}", f"sqlite:///{tmp_path / 'b'}"
    engine = connect(first)
    assert connect(first) is engine
    assert connect(second) is not engine
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert connect(first) is not engine


def test_sqlite_is_in_wal_mode_and_waits_for_other_writers(
    tmp_path: Path, row: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "results.sqlite"
    engine = connect(f"sqlite:///{file}")
    with sqlite3.connect(file) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        save(row(), engine)
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM runs")
        assert [run.id for run in load(engine)] == ["a" * 16], "a reader waited for a writer"
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == database.BUSY_TIMEOUT * 1000
    other.close()


def test_a_database_that_is_held_for_too_long_is_one_line(
    tmp_path: Path, row: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "results.sqlite"
    monkeypatch.setenv("BENCH_RESULTS", f"sqlite:///{file}?timeout=0.2")
    save(row())
    other = sqlite3.connect(file)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UserError, match=r"database is locked: .* finished stages are kept") as refused:
        save(row(utility=0.9))
    assert "\n" not in str(refused.value) and "INSERT" not in str(refused.value)
    other.rollback()
    save(row(utility=0.9))
    assert [run.utility for run in load()] == [0.9]
    other.close()


def test_a_database_that_is_held_from_the_beginning_is_one_line(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.2)
    other = sqlite3.connect(bench_home / "results.sqlite")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(UserError, match=r"^results: '.*results.sqlite' cannot be used: database is locked"):
        load()
    other.close()


def middle(content: bytes) -> bytes:
    return content[:5000] + b"\xab" * 10_000 + content[15_000:]


def header(content: bytes) -> bytes:
    return b"SQLite format 3\0" + b"\xff" * 84 + content[100:]


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def text(content: bytes) -> bytes:
    return b"not a database, " * 100


@pytest.mark.parametrize("damage", [middle, header, half, text])
def test_a_damaged_database_is_one_line(
    damage: Callable[[bytes], bytes], bench_home: Path, row: Callable[..., Run]
) -> None:
    save(row())
    file = bench_home / "results.sqlite"
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    with pytest.raises(UserError, match=r"^results: '.*results.sqlite' cannot be used: ") as refused:
        load()
    assert "\n" not in str(refused.value)
    assert file.read_bytes() == damaged


def test_a_folder_in_the_place_of_the_database_is_one_line(bench_home: Path) -> None:
    (bench_home / "results.sqlite").mkdir()
    with pytest.raises(UserError, match="unable to open database file"):
        load()


@pytest.mark.parametrize("name", ["100%", "a b", "ä", "it's", "x#y"])
def test_a_url_may_name_any_file(
    name: str, tmp_path: Path, row: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_RESULTS", f"sqlite:///{tmp_path / name}")
    save(row())
    assert len(load()) == 1
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("password", ["a?b", "50%25", "p%40ss", "x%3Ay", "a#b", "ö"])
def test_a_password_may_have_any_character_and_is_not_shown(password: str) -> None:
    with pytest.raises(UserError, match="onnection refused") as refused:
        connect(f"postgresql://me:{password}@127.0.0.1:1/db")
    assert f":{password}@" not in str(refused.value)


def test_the_state_changes_with_every_row_that_is_written(url: str, row: Callable[..., Run]) -> None:
    states = [read_state()]

    def check() -> None:
        assert read_state() == read_state()
        assert read_state() not in states
        states.append(read_state())

    save(row("a" * 16))
    check()
    save(row("b" * 16))
    check()
    save(row("a" * 16, utility=0.5))
    check()
    with connect().begin() as connection:
        connection.execute(sqlalchemy.text("DELETE FROM runs WHERE id = :id"), {"id": "b" * 16})
    check()
    load()
    assert read_state() == states[-1], "reading changes nothing"


def test_the_state_changes_with_a_transaction_that_ends_after_a_younger_one(
    fresh_postgres: str, row: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_RESULTS", fresh_postgres)
    save(row("a" * 16))
    save(row("b" * 16))
    with connect().connect() as old:
        old.execute(sqlalchemy.text("UPDATE runs SET utility = 0.5 WHERE id = :id"), {"id": "a" * 16})
        save(row("b" * 16, utility=0.25))
        before = read_state()
        old.commit()
    assert read_state() != before
