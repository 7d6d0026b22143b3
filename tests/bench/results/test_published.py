"""Published results are read as they were written, on any machine, and are checked before use."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench import results
from bench.cli import parse
from bench.errors import UserError
from bench.results import export, published
from bench.results.answers import find_answers
from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import choose_baseline
from bench.spec import PROTOCOL
from bench.tables.seeds import score_seeds, select_evaluations
from bench.tables.summary import summarize

Finish = Callable[..., results.Run]


def plain(run: results.Run) -> dict[str, Any]:
    return {column.name: getattr(run, column.name) for column in results.Run.__table__.columns}


@pytest.fixture
def shipped(finished: Finish, row: Callable[..., results.Run], tmp_path: Path) -> Path:
    """Publish runs of two seeds, which share references, and a row with a value in every column."""
    runs = [finished(0), finished(1, protected=24)]
    export.publish([*runs, row(stages=runs[0].stages)], tmp_path / "shipped")
    return tmp_path / "shipped"


@pytest.fixture
def elsewhere(shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Switch to an empty home, with the published files as those that come with the suite."""
    monkeypatch.setattr(published, "FOLDER", shipped)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    return shipped


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Replace the content of a file, and its size and checksum in the provenance."""
    (folder / name).write_bytes(content)
    provenance = json.loads((folder / published.PROVENANCE).read_text())
    provenance["files"][name] = [len(content), hashlib.sha256(content).hexdigest()]
    (folder / published.PROVENANCE).write_text(json.dumps(provenance))


def test_every_column_of_every_row_comes_back(shipped: Path, values: Callable[..., dict[str, Any]]) -> None:
    rows = {run.id: run for run in published.load_runs(shipped)}
    rebuilt = {key: {"command": run.command} for key, run in rows.items()}
    assert plain(rows["a" * 16]) == values(stages=rows["a" * 16].stages) | rebuilt["a" * 16]
    stored = {run.id: plain(run) | rebuilt[run.id] for run in results.load()}
    assert stored == {key: plain(run) for key, run in rows.items() if key != "a" * 16}
    assert [run.created for run in published.load_runs(shipped)] == sorted(run.created for run in rows.values())


def test_intervals_and_answers_are_the_same_elsewhere(
    shipped: Path, finished: Finish, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = results.load()
    compared = select_evaluations(here[0].stages, here[0].baselines or {})
    judged, alone = summarize(here), score_seeds([compared])
    stored = find_answers(here[0].stages["evaluate"])
    assert stored is not None
    assert not stored.published
    own_answers = stored.read()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    assert score_seeds([compared]) is None
    monkeypatch.setattr(published, "FOLDER", shipped)
    there = [run for run in published.load_runs() if run.id != "a" * 16]
    assert summarize(there) == judged
    assert score_seeds([compared]) == alone
    stored = find_answers(here[0].stages["evaluate"])
    assert stored is not None
    assert stored.published
    pd.testing.assert_frame_equal(stored.read()[list(own_answers)], own_answers)


def test_published_results_are_not_copied_into_a_home(elsewhere: Path) -> None:
    """Otherwise a run that is played again would reuse the published answers."""
    from bench.paths import home
    from bench.store import artifacts

    assert summarize([run for run in published.load_runs() if run.id != "a" * 16]).protection
    assert results.load() == []
    assert artifacts.list_finished() == set()
    assert not (home() / "artifacts").exists()


def test_answers_of_this_home_come_first(elsewhere: Path, finished: Finish) -> None:
    run = finished(0)
    stored = find_answers(run.stages["evaluate"])
    assert stored is not None
    assert not stored.published
    assert find_answers("0" * 16) is None


def test_a_missing_folder_has_no_results(bench_home: Path, tmp_path: Path) -> None:
    assert published.read_provenance(tmp_path / "none") is None
    assert published.load_runs(tmp_path / "none") == []
    assert published.load_answers("a" * 16, tmp_path / "none") is None


def test_a_folder_that_is_written_again_is_read_again(shipped: Path, finished: Finish) -> None:
    assert len(published.load_runs(shipped)) == 3
    export.publish([finished(9)], shipped)
    assert len(published.load_runs(shipped)) == 4


@pytest.mark.parametrize("name", published.FILES)
@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: b"", lambda c: c + b"x", lambda c: c[:-1] + b"?", None])
def test_a_damaged_or_missing_file_is_reported(
    shipped: Path, name: str, damage: Callable[[bytes], bytes] | None
) -> None:
    if damage is None:
        (shipped / name).unlink()
    else:
        (shipped / name).write_bytes(damage((shipped / name).read_bytes()))
    readers = {
        published.RUNS: published.load_runs,
        published.ANSWERS: lambda folder: published.load_answers("a" * 16, folder),
    }
    with pytest.raises(UserError, match=f"published results: {name}: "):
        readers.pop(name)(shipped)
    for read in readers.values():
        read(shipped)
    assert [fault.startswith(f"published results: {name}: ") for fault in published.load_faults(shipped)] == [True]
    assert published.has_answers(results.load()[0].stages["zero"], shipped) == (name == published.RUNS)


@pytest.mark.parametrize("name", published.FILES)
def test_a_file_that_is_not_parquet_is_reported(shipped: Path, name: str) -> None:
    replace_file(shipped, name, b"PAR1" + b"\0" * 40 + b"PAR1")
    (fault,) = published.load_faults(shipped)
    assert f"{name}: it cannot be read as Parquet" in fault


@pytest.mark.parametrize("name", published.FILES)
def test_foreign_columns_are_reported(shipped: Path, name: str) -> None:
    table = pq.read_table(shipped / name)
    texts = table.set_column(table.schema.get_field_index("image_id" if name == published.ANSWERS else "utility"),
                             "other", pa.array(["x"] * len(table)))  # fmt: skip
    for changed in (texts, table.drop_columns([table.schema.names[-1]]), table.append_column("more", table[0])):
        sink = pa.BufferOutputStream()
        pq.write_table(changed, sink)
        replace_file(shipped, name, sink.getvalue().to_pybytes())
        (fault,) = published.load_faults(shipped)
        assert f"{name}: its columns are not those" in fault


def test_a_file_over_the_limit_is_not_read(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "MAX_BYTES", (shipped / published.PROVENANCE).stat().st_size)
    with pytest.raises(UserError, match=r"runs\.parquet: .* MB; allowed: "):
        published.load_runs(shipped)
    monkeypatch.setattr(published, "MAX_PROVENANCE", 10)
    with pytest.raises(UserError, match="too large"):
        published.read_provenance(shipped)


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", "[" * 10**5, '{"files": 3}', '{"files": {"runs.parquet": []}}'])
def test_an_invalid_provenance_is_reported(shipped: Path, text: str) -> None:
    (shipped / published.PROVENANCE).write_text(text)
    for read in (published.read_provenance, published.load_runs):
        with pytest.raises(UserError, match=r"provenance\.json: it cannot be read"):
            read(shipped)


def test_the_results_that_come_with_the_suite_can_be_read_and_stale_ones_are_in_quarantine() -> None:
    provenance = published.read_provenance()
    assert provenance is not None
    assert {file.name for file in published.FOLDER.iterdir()} == {
        *published.FILES,
        *published.EXTRAS,
        published.PROVENANCE,
    }
    assert sum(file.stat().st_size for file in published.FOLDER.iterdir()) <= published.MAX_BYTES
    runs = published.load_runs()
    assert len(runs) == provenance["runs"] > 50
    assert published.load_faults() == []
    for run in runs:
        assert all(published.has_answers(run.stages[role]) for role in (*export.ROLES, *(run.baselines or ("zero",))))
        assert run.provenance["dirty"] is False
        assert not export.PRIVATE_PLACE.search(json.dumps(plain(run), default=str))
        assert bool(run.quarantine) == ((run.protocol, run.evaluator) != (PROTOCOL, EVALUATOR))
        if not run.quarantine:
            parse.check_methods(run.defense, run.attack)
            assert run.command.startswith(f"bench run --defense {run.defense} --attack {run.attack} ")
    for entry in provenance["suites"].values():
        assert not {run.id for run in runs} & entry["not_played"].keys()


def test_the_published_scores_are_those_of_the_published_answers() -> None:
    """The accuracies and the protection of every row follow from its answers alone; protocol 1 started at zero-shot."""
    for run in published.load_runs():
        baseline = choose_baseline(run.baselines) if run.baselines else "zero"
        tables = [published.load_answers(run.stages[role]) for role in ("zero", baseline, "clean", "evaluate")]
        zero, below, clean, attacked = (table["score"].mean() for table in tables if table is not None)
        assert [zero, clean, attacked] == pytest.approx([run.utility_zero, run.utility_clean, run.utility])
        if run.protection is not None:
            assert run.protection == pytest.approx(1 - (attacked - below) / (clean - below))
