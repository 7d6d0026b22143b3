"""A run is one row. It is loaded as it was saved, and is in quarantine when its versions are old."""

import random
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from bench.paths import MARK
from bench.results import rows
from bench.results.rows import Run, find, load, save
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL

COLUMNS = [column.name for column in Run.__table__.columns]
Row = Callable[..., Run]
VERSIONS = {"protocol": PROTOCOL, "evaluator": EVALUATOR}


def columns(run: Run) -> dict[str, object]:
    """Return the values of all columns."""
    return {name: getattr(run, name) for name in COLUMNS}


def test_a_run_comes_back_as_it_was(url: str, row: Row) -> None:
    expected = columns(row())
    assert None not in expected.values()
    save(row())
    (run,) = load()
    assert columns(run) == expected
    assert columns(find("a" * 16) or row("c" * 16)) == expected


def test_a_time_of_any_zone_comes_back_in_utc(url: str, row: Row) -> None:
    save(row(created=datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=9)))))
    assert load()[0].created.isoformat() == "2026-04-30T16:30:00+00:00"


def test_missing_values_stay_missing(url: str, row: Row) -> None:
    nothing = dict.fromkeys(["protection", "protection_low", "protection_high", "code", "curve", "effects"])
    save(row(eligible=False, **nothing))
    (run,) = load()
    assert (run.eligible, {name: getattr(run, name) for name in nothing}) == (False, nothing)


def test_the_same_identity_replaces_every_column(url: str, row: Row) -> None:
    save(row())
    save(row("c" * 16))
    other = {name: value * 2 for name, value in columns(row()).items() if isinstance(value, float)}
    text = {name: f"{value}2" for name, value in columns(row()).items() if isinstance(value, str) and name != "id"}
    json = {name: {"other": [1, None]} for name, value in columns(row()).items() if isinstance(value, dict)}
    json |= {"baselines": {"format": {"test": 0.2}}, "stages": {"protect": "c" * 16}, "curve": [{"other": None}]}
    changes = other | text | json | {"seed": 4, "epsilon": 9, "words": 6, "eligible": False}
    later = row(created=row().created + timedelta(hours=1), **changes)
    expected = columns(later)
    assert all(expected[name] != columns(row())[name] for name in COLUMNS if name not in ("id", *VERSIONS))
    save(later)
    untouched, replaced = load()
    assert columns(replaced) == expected
    assert columns(untouched) == columns(row("c" * 16))


def test_runs_are_read_oldest_first(url: str, row: Row) -> None:
    chance = random.Random(7)
    runs = [(chance.randrange(4), f"{chance.getrandbits(64):016x}") for _ in range(30)]
    for hours, key in runs:
        save(row(key, created=row().created + timedelta(hours=hours)))
    assert [run.id for run in load()] == [key for _, key in sorted(runs)]


def test_a_run_that_was_not_played_is_not_found(url: str, row: Row) -> None:
    save(row())
    assert find("b" * 16) is None


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("name", VERSIONS)
def test_another_version_puts_runs_into_quarantine_and_takes_them_out_again(
    url: str, row: Row, monkeypatch: pytest.MonkeyPatch, name: str, step: int
) -> None:
    save(row())
    current = VERSIONS[name] + step
    with monkeypatch.context() as patch:
        patch.setattr(rows, name.upper(), current)
        assert (load(), find("a" * 16)) == ([], None)
        save(row("c" * 16, **{name: current}))
        assert [run.id for run in load()] == ["c" * 16]
        old, new = load(quarantined=True)
        assert (old.quarantine, new.quarantine) == (f"{name} {VERSIONS[name]}, current is {current}", "")
    assert [run.id for run in load()] == ["a" * 16]


def test_the_reason_names_both_versions(row: Row) -> None:
    reason = f"protocol 0, current is {PROTOCOL}, evaluator 0, current is {EVALUATOR}"
    assert row(protocol=0, evaluator=0).quarantine == reason


def test_a_release_of_the_suite_puts_nothing_into_quarantine(url: str, row: Row) -> None:
    save(row(code="0.0.1"))
    assert [run.code for run in load()] == ["0.0.1"]


def test_without_a_url_the_database_is_in_the_home(bench_home: Path, row: Row) -> None:
    save(row())
    assert {file.name for file in bench_home.iterdir()} == {MARK, "results.sqlite"}
    assert [run.id for run in load()] == ["a" * 16]


def test_a_database_that_is_deleted_is_made_again(bench_home: Path, row: Row) -> None:
    save(row())
    (bench_home / "results.sqlite").unlink()
    assert load() == []
    save(row("c" * 16))
    assert [run.id for run in load()] == ["c" * 16]


def spoil(file: Path, column: str, value: object) -> None:
    """Write a value into the row `aaaaaaaaaaaaaaaa`, as another program or a damaged disk would."""
    with sqlite3.connect(file) as connection:
        changed = connection.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, "a" * 16)).rowcount
    connection.close()
    assert changed == 1


BAD_VALUES = [
    ("stages", "{"), ("stages", ""), ("stages", "[]"), ("stages", "5"), ("stages", '{"protect": 5}'),
    ("stages", "null"), ("stages", "[" * 100_000), ("created", "yesterday"), ("created", ""), ("created", 2**62),
    ("created", "2026-99-01"), ("cost", b"\xff\xfe"), ("cost", '"text"'), ("provenance", "{]"), ("curve", "{}"),
    ("effects", "[1]"), ("seed", "many"), ("utility", "good"), ("utility", b"\x00"), ("defense", b"\x00\xff"),
    ("defense_options", "[1]"), ("code", b"1"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "value"), BAD_VALUES)
def test_a_broken_row_costs_itself(
    column: str, value: object, bench_home: Path, row: Row, caplog: pytest.LogCaptureFixture
) -> None:
    save(row())
    save(row("c" * 16))
    spoil(bench_home / "results.sqlite", column, value)
    assert [run.id for run in load()] == ["c" * 16]
    assert caplog.messages == [f"results: 1 of 2 rows cannot be read and are left out; the first is {'a' * 16!r}"]
    assert find("a" * 16) is None
    save(row())
    assert [run.id for run in load()] == ["a" * 16, "c" * 16], "it is made again"


def test_every_row_may_be_broken(bench_home: Path, row: Row) -> None:
    save(row())
    spoil(bench_home / "results.sqlite", "stages", "{")
    assert load() == load(quarantined=True) == []
