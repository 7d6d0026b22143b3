"""One row of results as JSON, and its JSON columns as tables: those are read with distrust."""

from typing import Any, NamedTuple

import pandas as pd

from bench.results import Run
from bench.tables.distrust import read_or_none

JSON_TYPES = (bool, int, float, str, dict, list, type(None))


def run_as_json(run: Run) -> dict[str, Any]:
    """Return a row as plain JSON: its columns, with times as text."""
    values = {column.name: getattr(run, column.name) for column in run.__table__.columns}
    return {name: value if isinstance(value, JSON_TYPES) else str(value) for name, value in values.items()}


class LearningCurve(NamedTuple):
    """Accuracies along a run's training.

    points: `validation` and `test` by epoch. peak: the epoch with the best validation accuracy; last: the last epoch.
    Each has its accuracy on the test split.
    """

    points: pd.DataFrame
    peak: tuple[int, float]
    last: tuple[int, float]


def read_learning_curve(curve: Any) -> LearningCurve | None:
    """Return the learning curve of a run's column `curve`; None where that is none."""

    def read() -> LearningCurve | None:
        points = pd.DataFrame(curve).set_index("epoch")[["validation", "test"]].astype(float)
        if points.empty:
            return None
        points.index = points.index.astype(int)
        best = int(points["validation"].argmax())
        epochs, test = points.index, points["test"]
        return LearningCurve(points, (epochs[best], float(test.iloc[best])), (epochs[-1], float(test.iloc[-1])))

    return read_or_none(read) if isinstance(curve, list) else None


def read_side_effects(effects: Any) -> pd.DataFrame | None:
    """Return the side effects of a run's column `effects`, one row for each task; None where that is none.

    Columns: metric; zero, clean and attacked: its values; clean_change and attacked_change: differences to `zero`, each
    a tuple of one value, or of a value with the ends of its interval; items: how many were asked, `of` how many.
    """

    def read() -> pd.DataFrame:
        frame = pd.DataFrame.from_dict(effects, orient="index")
        for name in ("clean_change", "attacked_change"):
            frame[name] = [_change(change) for change in frame[name]]
        columns = ["metric", "zero", "clean", "attacked", "clean_change", "attacked_change", "items", "of"]
        return frame[columns].astype({"zero": float, "clean": float, "attacked": float})

    return read_or_none(read) if isinstance(effects, dict) and effects else None


def _change(change: list[float]) -> tuple[float, ...]:
    numbers = tuple(float(number) for number in change)
    if len(numbers) not in (1, 3):
        raise ValueError(f"change: {change}; allowed: a value, or a value with the two ends of its interval")
    return numbers
