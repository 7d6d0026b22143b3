"""The files of an evaluation: a table with one row for each item, the metrics, and lm-eval's own log."""

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

TABLE = "predictions.parquet"

GZIP = 31
"""The window and the header of a gzip file, without a time, in zlib's terms."""


class Predictions(NamedTuple):
    """The answers of an evaluation.

    table: one row for each item: id, image_id, target, prediction and, where the metric is a mean over items, score in
    [0,1]. Evaluations of this suite's own data sets also have question and lenient (a score in [0,1]).
    metrics: numbers of the evaluation as a whole.
    log: lm-eval's own, one record for each item and filter, without pictures.
    """

    table: "pd.DataFrame"
    metrics: dict[str, Any]
    log: list[dict[str, Any]]

    def save(self, folder: Path) -> None:
        """Write `predictions.parquet`, `metrics.json` and `samples.jsonl.gz`."""
        self.table.to_parquet(folder / TABLE)
        (folder / "metrics.json").write_text(json.dumps(self.metrics, indent=1, sort_keys=True), encoding="utf-8")
        packer = zlib.compressobj(level=9, wbits=GZIP)  # piece by piece the same bytes as at once
        with (folder / "samples.jsonl.gz").open("wb") as file:
            for record in self.log:
                file.write(packer.compress(json.dumps(record, ensure_ascii=False, default=str).encode() + b"\n"))
            file.write(packer.flush())


def read_table(folder: Path) -> "pd.DataFrame":
    """Return the table that `Predictions.save` wrote into a folder.

    >>> import pandas as pd, tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Predictions(pd.DataFrame({"score": [1.0]}), {}, []).save(Path(name))
    ...     len(read_table(Path(name)))
    1
    """
    import pandas as pd

    return pd.read_parquet(folder / TABLE)
