"""The test answers of one run, read with distrust: what is missing, foreign or broken is None."""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from bench.results.answers import find_answers
from bench.tables.artefacts import stage_identity
from bench.tables.distrust import read_or_none

MODELS = {"zero-shot": "zero", "clean": "clean", "protected": "evaluate"}
"""The models of a run, each with the role of its evaluation."""


HALF = 0.5
"""The score above which an answer counts as right."""


def compare_answers(stages: Mapping[str, str]) -> tuple[pd.DataFrame | None, list[str]]:
    """Return the test answers of all models side by side, one row for each item, and the models that lack answers.

    Columns: question, target, and for each model its answer (`clean`) and the score of it in [0,1] (`clean score`).
    """
    tables = {model: read_or_none(partial(_load_answers, stages, role)) for model, role in MODELS.items()}
    present = {model: table for model, table in tables.items() if table is not None}
    if len(present) < len(tables):
        return None, [model for model in tables if model not in present]
    items = next(iter(present.values()))[["question", "target"]]
    columns = [
        table[["prediction", "score"]].set_axis([model, f"{model} score"], axis=1) for model, table in present.items()
    ]
    return pd.concat([items, *columns], axis=1, join="inner"), []


def select_lost(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the items of `compare_answers` that the clean model answers better than the protected one."""
    return comparison[comparison["clean score"] > comparison["protected score"]]


def select_kept(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the items of `compare_answers` that the protected model still answers right, by more than half."""
    return comparison[comparison["protected score"] > HALF]


def compare_evaluations(first: str, second: str) -> pd.DataFrame | None:
    """Return the test items that two evaluations score differently; None where answers are not on this machine.

    Columns: question, target, and for `first` and `second` the answer and its score in [0,1].
    """
    one, other = (
        read_or_none(partial(_load_answers, {"evaluate": evaluation}, "evaluate")) for evaluation in (first, second)
    )
    if one is None or other is None:
        return None
    left = one[["question", "target", "prediction", "score"]]
    right = other[["prediction", "score"]].rename(columns={"prediction": "second", "score": "second score"})
    table = left.rename(columns={"prediction": "first", "score": "first score"}).join(right, how="inner")
    differing: pd.DataFrame = table[table["first score"] != table["second score"]]
    return differing


def load_scores(evaluation: str) -> pd.DataFrame | None:
    """Return the picture (`image_id`) and the score of the answer to each test item of an evaluation, by item."""
    table = read_or_none(partial(_load_answers, {"evaluate": evaluation}, "evaluate"))
    return None if table is None else read_or_none(lambda: table[["image_id", "score"]])


def _load_answers(stages: Mapping[str, str], role: str) -> pd.DataFrame | None:
    identity = stage_identity(stages, role)
    kept = find_answers(identity) if identity else None
    if kept is None:
        return None
    table = kept.read().drop_duplicates("id").set_index("id")
    return table.astype({"question": "str", "target": "str", "prediction": "str", "score": "float"})
