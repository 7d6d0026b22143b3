"""The answers of an evaluation, where they are at hand: in this home, else among the results that are shipped."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.results import published
from bench.store.artifacts import look

if TYPE_CHECKING:
    import pandas as pd


class Answers(NamedTuple):
    """Where an evaluation's answers are: in the folder of its artefact, or in one of published results."""

    evaluation: str
    folder: Path
    published: bool

    def read(self) -> "pd.DataFrame":
        """One row an item: image_id, score in [0,1], and what else `bench.stages.evaluate` keeps."""
        import pandas as pd

        table = published.answers(self.evaluation, self.folder) if self.published else None
        return pd.read_parquet(self.folder / "predictions.parquet") if table is None else table


def find(evaluation: str) -> Answers | None:
    """The answers of an evaluation by its identity; those of this home come first, and are not checked."""
    if (artifact := look("evaluate", evaluation)) is not None:
        return Answers(evaluation, artifact.folder, published=False)
    return Answers(evaluation, published.FOLDER, published=True) if published.has(evaluation) else None
