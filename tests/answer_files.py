"""Answers on disk: evaluations whose first answers are right, and runs that name them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ITEMS = 400
HARD = np.random.default_rng(0).permutation(ITEMS)
"""The order in which models get items right."""


class Answers:
    """Writes evaluations into a home, and gives the columns of a run that is scored from them."""

    def __init__(self, home: Path) -> None:
        self.folder, self.count = home / "artifacts" / "evaluate", 0

    def write(self, rate: float, order: np.ndarray = HARD, names: Iterable[object] = range(ITEMS)) -> str:
        """Write answers that are right on the first `rate` of the items in `order`; return their identity."""
        self.count += 1
        key = f"{self.count:016x}"
        path = self.folder / key
        path.mkdir(parents=True)
        (path / "manifest.json").write_text('{"stage": "evaluate", "payload": {}, "cost": {"seconds": 1.0}}')
        table = pd.DataFrame({"id": [str(name) for name in names], "question": "?", "target": "t", "prediction": "p"})
        table["image_id"], table["score"] = table["id"], (order < rate * ITEMS).astype(float)
        table.sample(frac=1, random_state=self.count).sort_values("id").to_parquet(path / "predictions.parquet")
        return key

    def columns(
        self,
        *,
        release: float,
        clean: float = 0.8,
        zero: float = 0.0,
        validation: float | None = None,
        validation_clean: float | None = None,
        order: np.ndarray = HARD,
    ) -> dict[str, Any]:
        """Return stages and accuracies of a run; on validation, a model is as good as on the test split by default."""
        return {
            "stages": {
                "zero": self.write(zero, order),
                "clean": self.write(clean, order),
                "evaluate": self.write(release, order),
            },
            "baselines": {"zero": {"test": zero, "validation": zero}},
            "utility_zero": zero,
            "utility_clean": clean,
            "utility": release,
            "validation": release if validation is None else validation,
            "validation_clean": clean if validation_clean is None else validation_clean,
        }


Columns = Callable[..., dict[str, Any]]
