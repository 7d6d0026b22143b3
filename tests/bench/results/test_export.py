"""Published files are small and reproducible, list what is missing, and reveal no paths."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench import results
from bench.command import format_command
from bench.errors import UserError
from bench.results import export, published
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL, Method, RunSpec
from bench.store import artifacts

Finish = Callable[..., results.Run]


def read_provenance(folder: Path) -> dict:
    return json.loads((folder / published.PROVENANCE).read_text())


@pytest.fixture
def shipped(finished: Finish, tmp_path: Path) -> Path:
    """Publish three runs of two seeds, which share references, and return the folder."""
    for seed, protected in ((0, 16), (1, 24), (0, 20)):
        finished(seed, protected=protected)
    export.publish(results.load(), tmp_path / "shipped")
    return tmp_path / "shipped"


def test_references_that_runs_share_are_written_once(shipped: Path) -> None:
    named = {run.stages[role] for run in results.load() for role in (*export.ROLES, "zero")}
    table = pd.read_parquet(shipped / published.ANSWERS)
    provenance = read_provenance(shipped)
    assert (provenance["runs"], provenance["evaluations"]) == (3, 5), "9 are named: 2 references and 3 others"
    assert table["evaluation"].value_counts().to_dict() == dict.fromkeys(named, 40)


def test_the_same_results_are_the_same_bytes(shipped: Path, tmp_path: Path) -> None:
    export.publish(results.load()[::-1], tmp_path / "again")
    for name in published.FILES:
        assert (tmp_path / "again" / name).read_bytes() == (shipped / name).read_bytes()
    one, other = read_provenance(shipped), read_provenance(tmp_path / "again")
    assert one | {"created": ""} == other | {"created": ""}
    assert {file.name for file in shipped.iterdir()} == {*published.FILES, *published.EXTRAS, published.PROVENANCE}, (
        "no drafts are left"
    )


def test_sizes_and_checksums_are_those_of_the_files(shipped: Path) -> None:
    for name, (size, digest) in read_provenance(shipped)["files"].items():
        content = (shipped / name).read_bytes()
        assert (size, digest) == (len(content), hashlib.sha256(content).hexdigest())


def test_provenance_lists_the_origins_of_the_rows(finished: Finish, tmp_path: Path) -> None:
    machine = {"hardware": {"cores": 2}, "python": "3.11", "packages": {"torch": "2"}}
    finished(0, provenance={"git": "aa", "dirty": False, **machine}, code="0.1")
    finished(1, provenance={"git": "bb", "dirty": True, **machine}, code="0.2")
    export.publish(results.load(), tmp_path / "out")
    provenance = read_provenance(tmp_path / "out")
    assert provenance["commits"] == [["aa", False], ["bb", True]]
    assert provenance["versions"] == ["0.1", "0.2"]
    assert (provenance["protocols"], provenance["evaluators"]) == ([PROTOCOL], [EVALUATOR])
    assert provenance["hardware"] == [{"cores": 2}]
    assert (provenance["python"], provenance["packages"]) == (["3.11"], [{"torch": "2"}])


def test_planned_runs_without_a_row_are_listed_as_not_played(shipped: Path, finished: Finish) -> None:
    played = results.load()[0].id
    specs = [RunSpec(defense=Method(name="em"), attack=Method(name="lora_sft"), seed=seed) for seed in range(3)]
    first, *missing = map(format_command, specs)
    export.publish([], shipped, {"toy": {played: first, "f" * 16: missing[0], "e" * 16: missing[1]}})
    entry = read_provenance(shipped)["suites"]["toy"]
    assert entry == {"planned": 3, "not_played": {"f" * 16: missing[0], "e" * 16: missing[1]}}
    finished(5, id="f" * 16)
    export.publish(results.load(), shipped)
    assert read_provenance(shipped)["suites"]["toy"] == {"planned": 3, "not_played": {"e" * 16: missing[1]}}


def test_a_second_export_replaces_rows_and_keeps_the_others(
    shipped: Path, finished: Finish, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The second export comes from another home, which lacks the old answers."""
    before = {run.id: run.utility for run in published.load_runs(shipped)}
    old_answers = published.load_answers(published.load_runs(shipped)[0].stages["evaluate"], shipped)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    again = finished(0, protected=16, utility=0.123)
    new = finished(7, protected=28)
    export.publish(results.load(), shipped)
    after = {run.id: run.utility for run in published.load_runs(shipped)}
    assert after == before | {again.id: 0.123, new.id: 0.7}
    new_answers = published.load_answers(published.load_runs(shipped)[0].stages["evaluate"], shipped)
    pd.testing.assert_frame_equal(new_answers, old_answers)
    export.publish(results.load(), shipped, replace=True)
    assert {run.id for run in published.load_runs(shipped)} == {again.id, new.id}


def test_rows_of_another_evaluator_do_not_stay(tmp_path: Path, finished: Finish) -> None:
    shipped = tmp_path / "shipped"
    export.publish([finished(0, evaluator=EVALUATOR - 1)], shipped)
    fresh = finished(3)
    export.publish([fresh], shipped)
    assert [run.id for run in published.load_runs(shipped)] == [fresh.id]


def test_an_export_over_the_limit_changes_nothing(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file.name: file.read_bytes() for file in shipped.iterdir()}
    monkeypatch.setattr(export, "MAX_BYTES", 1000)
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
    """Answers are checked against their manifest before they are published."""
    run = finished(0, protected=11)
    file = bench_home / "artifacts" / "evaluate" / run.stages["evaluate"] / "predictions.parquet"
    file.write_bytes(file.read_bytes()[::-1])
    artifacts._verified_manifests.clear()
    with pytest.raises(UserError, match="not at hand"):
        export.publish([run], tmp_path / "out")


def test_an_export_without_runs_is_refused(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run"):
        export.publish([], tmp_path / "out")


PETS = "own:pets@0123456789abcdef"


@pytest.mark.parametrize("changes", [{"dataset": PETS}, {"effects": {PETS: {}}}])
def test_own_data_are_not_published_unless_named(finished: Finish, tmp_path: Path, changes: dict) -> None:
    finished(0), finished(1, protected=24, **changes)
    report = export.publish(results.load(), tmp_path / "out")
    assert (report["runs"], report["own_left_out"]) == (1, 1)
    assert all(b"pets" not in file.read_bytes() for file in (tmp_path / "out").iterdir())
    assert not published.has_answers(results.load()[1].stages["evaluate"], tmp_path / "out")
    for number, named in enumerate(("pets", "own:pets", PETS)):
        report = export.publish(results.load(), tmp_path / str(number), own=[named])
        assert (report["runs"], report["own_left_out"]) == (2, 0)


def test_own_data_that_were_published_before_stay_only_if_they_are_named(finished: Finish, tmp_path: Path) -> None:
    finished(0), finished(1, protected=24, dataset=PETS)
    export.publish(results.load(), tmp_path, own=["pets"])
    assert export.publish(results.load(), tmp_path, own=["pets"])["runs"] == 2
    assert export.publish(results.load()[:1], tmp_path)["runs"] == 1


@pytest.mark.parametrize(
    "text",
    ["/home/me/pets", "~/pets", "../pets", "./pets", "C:\\pets", "s3://bucket/pets", "file:pets", "a=/tmp/x", "'/srv'"],
)
def test_a_row_that_names_a_path_or_an_address_is_not_published(finished: Finish, tmp_path: Path, text: str) -> None:
    for changes in ({"dataset": text}, {"attack_options": {"weights": text}}):
        with pytest.raises(UserError, match="names a path"):
            export.publish([finished(0, **changes)], tmp_path / "out")


@pytest.mark.parametrize("text", ["8/255", "org/model", "jpeg.quality=30", "a and/or b", "own:a@b"])
def test_text_that_only_resembles_a_path_is_published(finished: Finish, tmp_path: Path, text: str) -> None:
    export.publish([finished(0, attack_options={"note": text})], tmp_path / "out")
    assert published.load_runs(tmp_path / "out")[0].attack_options == {"note": text}
