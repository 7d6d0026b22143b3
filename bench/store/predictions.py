"""The answers of an evaluation as files: a table of items, metrics, and lm-eval's own log."""

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

TABLE = "predictions.parquet"


class Predictions(NamedTuple):
    """What is kept of an evaluation.

    table: one row an item: id, image_id, target, prediction and, where the metric is a mean over items, score in [0,1];
    the evaluations of this suite's own data sets also have question and lenient (score in [0,1]). metrics: numbers of
    the whole. log: lm-eval's own, one record an item and filter, without pictures.
    """

    table: "pd.DataFrame"
    metrics: dict[str, Any]
    log: list[dict[str, Any]]

    def save(self, folder: Path) -> None:
        """Write `predictions.parquet`, `metrics.json` and `samples.jsonl.gz`."""
        self.table.to_parquet(folder / TABLE)
        (folder / "metrics.json").write_text(json.dumps(self.metrics, indent=1, sort_keys=True), encoding="utf-8")
        lines = "".join(json.dumps(record, ensure_ascii=False, default=str) + "\n" for record in self.log)
        (folder / "samples.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))


def read_table(folder: Path) -> "pd.DataFrame":
    """Return the table that `Predictions.save` wrote into a folder."""
    import pandas as pd

    return pd.read_parquet(folder / TABLE)
