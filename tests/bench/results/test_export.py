"""Results are written as files: small, the same every time, with what is missing, and without anybody's paths."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench import results
from bench.errors import UserError
from bench.results import export, published, rows
from bench.scoring.matching import EVALUATOR

Finish = Callable[..., results.Run]


def told(folder: Path) -> dict:
    return json.loads((folder / published.ABOUT).read_text())


@pytest.fixture
def shipped(finished: Finish, tmp_path: Path) -> Path:
    """Three runs of two seeds, which share references, as files."""
    for seed, protected in ((0, 16), (1, 24), (0, 20)):
        finished(seed, protected=protected)
    export.publish(results.load(), tmp_path / "shipped")
    return tmp_path / "shipped"


def test_references_that_runs_share_are_written_once(shipped: Path) -> None:
    named = {run.stages[role] for run in results.load() for role in export.ROLES}
    table = pd.read_parquet(shipped / published.ANSWERS)
    assert (told(shipped)["runs"], told(shipped)["evaluations"]) == (3, 5), "9 are named: 2 references and 3 others"
    assert table["evaluation"].value_counts().to_dict() == dict.fromkeys(named, 40)


def test_the_same_results_are_the_same_bytes(shipped: Path, tmp_path: Path) -> None:
    export.publish(results.load()[::-1], tmp_path / "again")
    for name in published.FILES:
        assert (tmp_path / "again" / name).read_bytes() == (shipped / name).read_bytes()
    one, other = told(shipped), told(tmp_path / "again")
    assert one | {"created": ""} == other | {"created": ""}
    assert {file.name for file in shipped.iterdir()} == {*published.FILES, published.ABOUT}, "no drafts are left"


def test_sizes_and_checksums_are_those_of_the_files(shipped: Path) -> None:
    for name, (size, digest) in told(shipped)["files"].items():
        content = (shipped / name).read_bytes()
        assert (size, digest) == (len(content), hashlib.sha256(content).hexdigest())


def test_provenance_says_what_the_rows_come_from(finished: Finish, tmp_path: Path) -> None:
    machine = {"hardware": {"cores": 2}, "python": "3.11", "packages": {"torch": "2"}}
    finished(0, provenance={"git": "aa", "dirty": False, **machine}, code="0.1")
    finished(1, provenance={"git": "bb", "dirty": True, **machine}, code="0.2")
    export.publish(results.load(), tmp_path / "out")
    about = told(tmp_path / "out")
    assert about["commits"] == [["aa", False], ["bb", True]]
    assert (about["versions"], about["protocols"], about["evaluators"]) == (["0.1", "0.2"], [1], [EVALUATOR])
    assert (about["hardware"], about["python"], about["packages"]) == ([{"cores": 2}], ["3.11"], [{"torch": "2"}])


def test_what_a_suite_lacks_is_told(shipped: Path, finished: Finish) -> None:
    played = results.load()[0].id
    export.publish([], shipped, {"toy": {played: "bench run 0", "f" * 16: "bench run 1", "e" * 16: "bench run 2"}})
    entry = told(shipped)["suites"]["toy"]
    assert entry == {"planned": 3, "not_played": {"f" * 16: "bench run 1", "e" * 16: "bench run 2"}}
    finished(5, id="f" * 16)
    export.publish(results.load(), shipped)
    assert told(shipped)["suites"]["toy"] == {"planned": 3, "not_played": {"e" * 16: "bench run 2"}}


def test_published_again_rows_are_replaced_and_others_stay(
    shipped: Path, finished: Finish, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In another home, which has none of the old answers."""
    before = {run.id: run.utility for run in published.runs(shipped)}
    old = published.answers(published.runs(shipped)[0].stages["evaluate"], shipped)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    again = finished(0, protected=16, utility=0.123)
    new = finished(7, protected=28)
    export.publish(results.load(), shipped)
    after = {run.id: run.utility for run in published.runs(shipped)}
    assert after == before | {again.id: 0.123, new.id: 0.7}
    kept = published.answers(next(run for run in published.runs(shipped)).stages["evaluate"], shipped)
    pd.testing.assert_frame_equal(kept, old)
    export.publish(results.load(), shipped, replace=True)
    assert {run.id for run in published.runs(shipped)} == {again.id, new.id}


def test_rows_of_another_protocol_do_not_stay(shipped: Path, monkeypatch: pytest.MonkeyPatch, finished: Finish) -> None:
    monkeypatch.setattr(rows, "EVALUATOR", EVALUATOR + 1)
    fresh = finished(3, evaluator=EVALUATOR + 1)
    export.publish([fresh], shipped)
    assert [run.id for run in published.runs(shipped)] == [fresh.id]


def test_too_much_is_refused_and_what_was_there_stays(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file.name: file.read_bytes() for file in shipped.iterdir()}
    monkeypatch.setattr(export, "LIMIT", 1000)
    with pytest.raises(UserError, match="MB; allowed"):
        export.publish(results.load()[:1], shipped)
    assert {file.name: file.read_bytes() for file in shipped.iterdir()} == before


def test_runs_without_their_answers_are_not_published(finished: Finish, tmp_path: Path) -> None:
    run = finished(0)
    run.stages = {**run.stages, "evaluate": "0" * 16}
    with pytest.raises(UserError, match="0000000000000000"):
        export.publish([run], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_broken_answers_are_not_published(bench_home: Path, finished: Finish, tmp_path: Path) -> None:
    """They are checked against their manifest, not only read."""
    run = finished(0, protected=11)
    file = bench_home / "artifacts" / "evaluate" / run.stages["evaluate"] / "predictions.parquet"
    file.write_bytes(file.read_bytes()[::-1])
    from bench.store.artifacts import _checked

    _checked.clear()
    with pytest.raises(UserError, match="not at hand"):
        export.publish([run], tmp_path / "out")


def test_nothing_is_not_published(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run"):
        export.publish([], tmp_path / "out")


@pytest.mark.parametrize(
    "text",
    ["/home/me/pets", "~/pets", "../pets", "./pets", "C:\\pets", "s3://bucket/pets", "file:pets", "a=/tmp/x", "'/srv'"],
)
def test_a_row_that_names_a_path_or_an_address_is_not_published(finished: Finish, tmp_path: Path, text: str) -> None:
    for changes in ({"command": f"bench run --dataset {text}"}, {"attack_options": {"weights": text}}):
        with pytest.raises(UserError, match="names a path"):
            export.publish([finished(0, **changes)], tmp_path / "out")


@pytest.mark.parametrize("text", ["bench run --epsilon 8/255", "org/model", "jpeg.quality=30", "a and/or b", "own:a@b"])
def test_what_is_no_path_is_published(finished: Finish, tmp_path: Path, text: str) -> None:
    export.publish([finished(0, command=text)], tmp_path / "out")
    assert published.runs(tmp_path / "out")[0].command == text
