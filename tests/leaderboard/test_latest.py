"""The newest table of a slow source: read once for each state, and nobody waits long for a newer one."""

from collections.abc import Callable
from threading import Event
from uuid import uuid4

import pandas as pd
import pytest

from bench.errors import UserError
from bench.results import Run, save
from bench.results.database import read_state
from leaderboard import latest


@pytest.fixture
def name() -> str:
    return uuid4().hex


def test_a_state_is_read_once(name: str) -> None:
    calls = []

    def load() -> pd.DataFrame:
        calls.append(name)
        return pd.DataFrame({"calls": [len(calls)]})

    shown = [latest.read(name, state, load)["calls"][0] for state in ((1,), (1,), (2,), (2,), (1,))]
    assert shown == [1, 1, 2, 2, 3]


def test_the_last_table_is_shown_while_a_newer_one_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "PATIENCE", 0.05)
    old, new, ready = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]}), Event()
    assert latest.read(name, (1,), lambda: old) is old
    assert latest.read(name, (2,), lambda: ready.wait(30) and new) is old
    ready.set()
    monkeypatch.setattr(latest, "PATIENCE", 30)
    assert latest.read(name, (2,), lambda: old) is new


def test_an_error_is_told_and_read_again(name: str) -> None:
    def fail() -> pd.DataFrame:
        raise UserError("broken")

    with pytest.raises(UserError, match="broken"):
        latest.read(name, (1,), fail)
    assert latest.read(name, (1,), pd.DataFrame).empty


def test_every_row_changes_the_state(home: object, run_factory: Callable[..., Run]) -> None:
    states = [read_state(), read_state()]
    assert states[0] == states[1]
    save(run_factory(500))
    save(run_factory(500, utility=0.11))
    assert read_state() != states[0]
