"""Published rows are judged again by the current rules, from their kept answers alone."""

from pathlib import Path

import pandas as pd
import pytest

from bench.errors import UserError
from bench.play.run import run_id
from bench.results import Run, published
from bench.results.export import publish
from bench.scoring.matching import EVALUATOR
from reports.rescore import Change, rescore, spec_of

SHIPPED = published.FOLDER


@pytest.fixture
def row() -> Run:
    """A published row whose answers are there."""
    return next(run for run in published.load_runs(SHIPPED) if run.defense == "em")


def folder_of(row: Run, folder: Path, wrong: int = 0) -> Path:
    """Publish a row alone, as an older evaluator would have: the scores of the first `wrong` answers are turned."""

    def load(evaluation: str) -> pd.DataFrame | None:
        table = published.load_answers(evaluation, SHIPPED)
        assert table is not None
        score = table["score"].copy()
        score.iloc[:wrong] = 1 - score.iloc[:wrong]
        return table.assign(score=score)

    row.id, row.evaluator = run_id(spec_of(row), EVALUATOR - 1, row.protocol), EVALUATOR - 1
    publish([row], folder, load_answers=load)
    return folder


def test_a_row_that_was_judged_otherwise_gets_the_numbers_of_the_current_rules(row: Run, tmp_path: Path) -> None:
    identity, right = row.id, (row.utility_zero, row.utility_clean, row.utility, row.protection, row.protection_low)
    folder = folder_of(row, tmp_path / "published", wrong=5)
    (old,) = published.load_runs(folder)
    assert f"evaluator {EVALUATOR - 1}" in old.quarantine
    change = rescore(folder, suites=())
    (new,) = published.load_runs(folder)
    evaluations = {row.stages[role] for role in ("zero", "format", "clean", "evaluate")}
    assert (change.answers, change.rows) == (5 * len(evaluations), 1)
    assert change.of == len(evaluations) * len(published.load_answers(row.stages["zero"]))
    assert (new.utility_zero, new.utility_clean, new.utility, new.protection, new.protection_low) == right
    assert (new.id, new.evaluator) == (identity, EVALUATOR)
    assert new.stages == row.stages and new.validation == row.validation


def test_a_second_time_changes_nothing(row: Run, tmp_path: Path) -> None:
    folder = folder_of(row, tmp_path / "published")
    rescore(folder, suites=())
    before = (folder / "runs.parquet").read_bytes(), (folder / "answers.parquet").read_bytes()
    change = rescore(folder, suites=())
    assert change == Change(0, change.of, 0, 0.0)
    assert ((folder / "runs.parquet").read_bytes(), (folder / "answers.parquet").read_bytes()) == before


def test_a_row_whose_identity_is_of_another_run_is_refused(row: Run) -> None:
    row.seed += 1
    with pytest.raises(UserError, match="is not the identity of what its row says"):
        spec_of(row)
