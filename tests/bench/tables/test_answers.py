"""The answers of a run's three models side by side, read with distrust."""

from pathlib import Path

import pandas as pd

from bench.tables.answers import compare_answers, load_scores, select_lost
from tests.synthetic_home import STAGES


def test_answers_are_joined_by_item(home: Path) -> None:
    table, missing = compare_answers(STAGES)
    assert missing == []
    assert table is not None
    assert table.loc["b", ["target", "zero-shot", "clean", "protected"]].tolist() == ["pear", "cat", "pear", "cat"]
    assert select_lost(table).index.tolist() == ["b"]


def test_missing_and_foreign_answers(home: Path) -> None:
    folder = home / "artifacts" / "evaluate"
    (folder / STAGES["zero"] / "predictions.parquet").write_bytes(b"PAR1")
    pd.DataFrame({"id": ["a"]}).to_parquet(folder / STAGES["clean"] / "predictions.parquet")
    assert compare_answers(STAGES) == (None, ["zero-shot", "clean"])


def test_repeated_items_are_shown_once(home: Path) -> None:
    file = home / "artifacts" / "evaluate" / STAGES["clean"] / "predictions.parquet"
    table = pd.read_parquet(file)
    pd.concat([table, table]).to_parquet(file)
    joined, _ = compare_answers(STAGES)
    assert joined is not None
    assert joined.index.tolist() == ["a", "b", "c"]


def test_scores_are_those_of_the_protected_model(home: Path) -> None:
    scores = load_scores(STAGES["evaluate"])
    assert scores is not None
    assert scores["score"].to_dict() == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert load_scores("../..") is None
