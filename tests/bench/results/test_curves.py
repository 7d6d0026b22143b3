"""Losses of published stages come back as they were logged, and are read with distrust."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from bench import results
from bench.results import curves, export, published
from bench.store import artifacts

Finish = Callable[..., results.Run]
STEPS = [{"loss": 4.0, "step": 10}, {"loss": 2.5, "step": 20, "validation": 0.5, "note": "x"}]
ROUNDS = {"history": [{"round": 1, "inner": 3.0, "outer": float("nan")}, {"round": 2, "inner": 2.0, "outer": 1.0}]}


def keep(role: str, content: Any) -> str:
    file = curves.LOGS[role].file
    text = json.dumps(content)
    return artifacts.make(role, {"log": text}, lambda folder: (folder / file).write_text(text) and None).identity


def publish(finished: Finish, folder: Path, attack: Any, protect: Any) -> results.Run:
    stages = finished().stages | {"attack": keep("attack", attack), "protect": keep("protect", protect)}
    run = finished(stages=stages)
    export.publish([run], folder)
    return run


def test_losses_come_back(finished: Finish, tmp_path: Path) -> None:
    run = publish(finished, tmp_path, STEPS, ROUNDS)
    attack = published.load_curve("attack", run.stages["attack"], tmp_path)
    protect = published.load_curve("protect", run.stages["protect"], tmp_path)
    assert attack is not None and protect is not None
    assert attack["loss"].to_dict() == {10: 4.0, 20: 2.5}
    assert attack["validation"].dropna().to_dict() == {20: 0.5}
    assert (attack.index.name, protect.index.name) == ("step", "round")
    assert protect["outer"].dropna().to_dict() == {2: 1.0}
    assert published.load_faults(tmp_path) == []


def test_losses_stay_where_the_home_has_lost_them(
    finished: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    publish(finished, tmp_path, STEPS, ROUNDS)
    kept = (tmp_path / published.CURVES).read_bytes()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("home")))
    export.publish([], tmp_path)
    assert (tmp_path / published.CURVES).read_bytes() == kept


@pytest.mark.parametrize("content", [{}, [], {"history": []}, [{"loss": 1}], [{"step": 1, "=bad name": 2.0}]])
def test_a_log_without_losses_has_no_curve(finished: Finish, tmp_path: Path, content: Any) -> None:
    run = publish(finished, tmp_path, content, {})
    assert published.load_curve("attack", run.stages["attack"], tmp_path) is None
    assert published.load_faults(tmp_path) == []


ROW = {"artefact": "a" * 16, "name": "loss", "at": 1.0, "value": 2.0}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{**ROW, "artefact": "../x"}], "'../x' is left out: allowed: 16 hexadecimal digits"),
        ([{**ROW, "name": "<b>"}], "name: allowed: letters"),
        ([{**ROW, "value": float("inf")}], "allowed: finite numbers"),
        ([{**ROW, "at": float("nan")}], "allowed: finite numbers"),
        ([ROW, {**ROW, "artefact": "b" * 16}, ROW], "it is there twice"),
    ],
)
def test_a_bad_curve_is_left_out(rows: list[dict[str, Any]], message: str) -> None:
    good = {**ROW, "artefact": "c" * 16}
    ranges, faults = curves.index(pa.Table.from_pylist([*rows, good], curves.build_schema()))
    assert message in faults[0]
    assert "c" * 16 in ranges


def test_too_many_rows_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "MAX_ROWS", 1)
    assert curves.index(pa.Table.from_pylist([ROW, ROW], curves.build_schema())) == ({}, ["2 rows; allowed: 1"])


def test_a_step_twice_is_shown_once() -> None:
    table = pa.Table.from_pylist([ROW, {**ROW, "value": 3.0}], curves.build_schema())
    pd.testing.assert_frame_equal(
        curves.read(table, "step"), pd.DataFrame({"loss": [2.0]}, index=pd.Index([1.0], name="step"))
    )
