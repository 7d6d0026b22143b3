"""A run is one row: saved, replaced by a run of the same identity, and read with every value as it was."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bench.store.results import Run, connect, load, save

NOW = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
COLUMNS = [column.name for column in Run.__table__.columns]


def row(key: str = "a" * 16, **changes: object) -> Run:
    """A run with a value in every column."""
    values: dict[str, object] = {
        "id": key, "protocol": 1, "evaluator": 2, "defense": "mmguard", "defense_options": {"tau": 0.1, "keep": True},
        "attack": "lora_sft", "attack_options": {}, "dataset": "emoji_catalog", "victim": "tiny-llava-a",
        "threat": "white", "seed": 3, "epsilon": 8, "words": 5, "utility_zero": 0.01, "utility_clean": 0.875,
        "utility": 0.3, "validation": 0.29, "protection": 0.66, "protection_low": 0.5, "protection_high": 0.75,
        "eligible": True, "stealth": {"linf": 8, "words": ["Pent"]}, "cost": {"seconds": 1.5},
        "stages": {"protect": "b" * 16}, "provenance": {"torch": "2.13"}, "command": "bench run é", "created": NOW,
    }  # fmt: skip
    return Run(**values | changes)


def values(run: Run) -> dict[str, object]:
    """The columns of a run but for the time."""
    return {name: getattr(run, name) for name in COLUMNS if name != "created"}


@pytest.fixture
def engine() -> Engine:
    """A database in memory."""
    return connect("sqlite://")


def test_a_run_comes_back_as_it_was(engine: Engine) -> None:
    expected = values(row())
    assert None not in expected.values()
    save(row(), engine)
    (found,) = load(engine)
    assert values(found) == expected


def test_the_time_comes_back_as_it_was(engine: Engine) -> None:
    save(row(), engine)
    assert load(engine)[0].created.replace(tzinfo=UTC) == NOW


def test_the_interval_of_an_ineligible_run_may_be_missing(engine: Engine) -> None:
    save(row(protection=None, protection_low=None, protection_high=None, eligible=False), engine)
    (found,) = load(engine)
    assert (found.protection, found.protection_low, found.protection_high, found.eligible) == (None, None, None, False)


def test_the_same_identity_replaces(engine: Engine) -> None:
    save(row(), engine)
    save(row("c" * 16, created=NOW + timedelta(hours=1)), engine)
    save(row(utility=0.9, protection=None, stealth={"linf": 4}), engine)
    first, second = load(engine)
    assert (first.id, first.utility, first.protection, first.stealth) == ("a" * 16, 0.9, None, {"linf": 4})
    assert (second.id, second.utility) == ("c" * 16, 0.3)


@given(st.dictionaries(st.text("0123456789abcdef", min_size=16, max_size=16), st.integers(0, 3)))
@settings(max_examples=15)
def test_runs_are_read_oldest_first(hours_of: dict[str, int]) -> None:
    engine = connect("sqlite://")
    runs = [(hours, key) for key, hours in hours_of.items()]
    for hours, key in runs:
        save(row(key, created=NOW + timedelta(hours=hours)), engine)
    assert [run.id for run in load(engine)] == [key for _, key in sorted(runs)]


def test_the_database_is_in_the_home(bench_home: Path) -> None:
    save(row())
    assert (bench_home / "results.sqlite").exists()
    assert [run.id for run in load()] == ["a" * 16]
    assert load(connect("sqlite://")) == []
