"""Results that travel as files: what comes out is what went in, nothing is doubled, and damage is told."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import parse
from bench.engine.summary import summary
from bench.errors import UserError
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL
from bench.store import published, results
from bench.store.artifacts import look

Finish = Callable[..., results.Run]


def plain(run: results.Run) -> dict[str, object]:
    return {column.name: getattr(run, column.name) for column in results.Run.__table__.columns}


@pytest.fixture
def shipped(finished: Finish, tmp_path: Path) -> Path:
    """Three runs of two seeds, which share references, as files."""
    for seed, protected in ((0, 16), (1, 24), (0, 20)):
        finished(seed, protected=protected)
    published.publish(results.load(), tmp_path / "shipped", {"suite": "toy"})
    return tmp_path / "shipped"


@pytest.fixture
def elsewhere(shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another home, where there is nothing."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    return shipped


def test_rows_answers_and_intervals_are_the_same_elsewhere(
    bench_home: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = results.load()
    judged = summary([run for run in here if run.utility != 0.5])
    answers = {role: pd.read_parquet(look("evaluate", here[0].stages[role]).folder / "predictions.parquet")
               for role in published.ROLES}  # fmt: skip
    costs = {role: look("evaluate", here[0].stages[role]).cost for role in published.ROLES}
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    assert results.load() == []
    assert published.take_in(shipped) == 3
    there = results.load()
    assert [plain(run) for run in there] == [plain(run) for run in here]
    assert summary([run for run in there if run.utility != 0.5]) == judged
    for role, table in answers.items():
        artifact = look("evaluate", there[0].stages[role])
        pd.testing.assert_frame_equal(pd.read_parquet(artifact.folder / "predictions.parquet"), table)
        assert artifact.cost == costs[role]


def test_references_that_runs_share_are_written_once(shipped: Path) -> None:
    told = json.loads((shipped / published.ABOUT).read_text())
    named = {run.stages[role] for run in results.load() for role in published.ROLES}
    assert told["runs"] == 3
    assert told["evaluations"] == len(named) < 9
    assert set(pd.read_parquet(shipped / published.ANSWERS)["evaluation"]) == named
    assert told["suite"] == "toy"


def test_the_same_results_are_the_same_bytes(shipped: Path, tmp_path: Path) -> None:
    published.publish(results.load()[::-1], tmp_path / "again", {"suite": "toy"})
    for name in (published.RUNS, published.EVALUATIONS, published.ANSWERS):
        assert (tmp_path / "again" / name).read_bytes() == (shipped / name).read_bytes()
    assert not list(shipped.glob(".*")), "no drafts are left"


def test_rows_of_ones_own_stay_and_nothing_comes_twice(elsewhere: Path, finished: Finish) -> None:
    own = finished(0, protected=16, victim="my own")
    assert published.take_in(elsewhere) == 2
    assert published.take_in(elsewhere) == 0
    assert results.find(own.id).victim == "my own"
    assert len(results.load()) == 3


@pytest.mark.parametrize("name", [published.RUNS, published.EVALUATIONS, published.ANSWERS])
def test_a_file_that_is_not_the_one_that_was_shipped_is_told(elsewhere: Path, name: str) -> None:
    content = (elsewhere / name).read_bytes()
    for damaged in (content[:-1], b"", content + b"x"):
        (elsewhere / name).write_bytes(damaged)
        with pytest.raises(UserError, match=name):
            published.take_in(elsewhere)
    (elsewhere / name).unlink()
    with pytest.raises(UserError, match=name):
        published.take_in(elsewhere)
    assert results.load() == []


def test_where_nothing_is_shipped_it_is_told(bench_home: Path, tmp_path: Path) -> None:
    assert published.about(tmp_path / "none") is None
    with pytest.raises(UserError, match="provenance"):
        published.take_in(tmp_path / "none")


def test_too_much_is_refused_and_what_was_there_stays(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file.name: file.read_bytes() for file in shipped.iterdir()}
    monkeypatch.setattr(published, "LIMIT", 1000)
    with pytest.raises(UserError, match="allowed"):
        published.publish(results.load()[:1], shipped, {})
    assert {file.name: file.read_bytes() for file in shipped.iterdir()} == before


def test_runs_without_their_answers_are_not_shipped(finished: Finish, tmp_path: Path) -> None:
    run = finished(0)
    run.stages = {**run.stages, "evaluate": "0" * 16}
    with pytest.raises(UserError, match="0000000000000000"):
        published.publish([run], tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_what_the_app_opens_with_is_whole_small_current_and_can_be_played_again() -> None:
    told = published.about()
    assert told is not None
    files = [file for file in published.FOLDER.iterdir() if not file.name.startswith(".")]
    assert sum(file.stat().st_size for file in files) <= published.LIMIT
    runs = list(published._runs(published.FOLDER))
    assert len(runs) == told["runs"] > 50
    evaluations = set(pd.read_parquet(published.FOLDER / published.EVALUATIONS)["evaluation"])
    assert len(evaluations) == told["evaluations"]
    for run in runs:
        assert (run.protocol, run.evaluator) == (PROTOCOL, EVALUATOR)
        assert {run.stages[role] for role in published.ROLES} <= evaluations
        assert run.provenance["dirty"] is False
        parse.check_methods(run.defense, run.attack)
    text = "".join(str(plain(run)) for run in runs) + json.dumps(told)
    for leak in ("/tmp", "/home", "/work", "/root", "://"):
        assert leak not in text
