"""The losses that stages of published runs logged while they optimised: collected for export, read with distrust."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from bench.results.groups import index_groups
from bench.results.rows import Run
from bench.store.artifacts import Artifact

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MAX_ROWS = 500_000
NAME = re.compile(r"[A-Za-z]\w{0,39}", re.ASCII)
IDENTITY = re.compile(r"[0-9a-f]{16}")


class Log(NamedTuple):
    """The JSON file in which a stage keeps its losses, and the field that counts them."""

    file: str
    counter: str


LOGS = {"attack": Log("curve.json", "step"), "protect": Log("log.json", "round")}
"""The logs that are published, by the role of their stage."""

LoadCurve = Callable[[str, str], "pd.DataFrame | None"]
"""Returns the losses of a stage by its role and identity, as `read_log` does; None where they are missing."""


def build_schema() -> "pa.Schema":
    """Return the columns: the identity of the stage, the step or round, and one loss by name."""
    import pyarrow as pa

    numbers = [pa.field("at", pa.float64(), False), pa.field("value", pa.float64(), False)]
    return pa.schema([pa.field("artefact", pa.string(), False), pa.field("name", pa.string(), False), *numbers])


def read_log(artefact: Artifact, log: Log) -> "pd.DataFrame | None":
    """Return the numbers that a stage logged, one row for each record; None where there are none.

    The file holds a list of flat records, or has that list under "history".
    """
    import pandas as pd

    content = artefact.read(log.file)
    records = content.get("history") if isinstance(content, dict) else content
    frame = pd.DataFrame(records or [])
    if log.counter not in frame:
        return None
    losses = frame.set_index(log.counter).select_dtypes("number")
    return None if losses.empty else losses


def collect(runs: Sequence[Run], load: LoadCurve) -> "pa.Table":
    """Return the finite losses of the stages of some runs, each stage once."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    stages = {run.stages[role]: role for run in runs for role in LOGS if role in run.stages}
    tables = []
    for identity, role in sorted(stages.items()):
        if (curve := load(role, identity)) is not None:
            curve = curve[[name for name in curve if NAME.fullmatch(str(name))]]
            long = curve.rename_axis("at").reset_index().melt("at", var_name="name").astype({"value": float})
            tables.append(long[np.isfinite(long["value"])].assign(artefact=identity))
    schema = build_schema()
    frame = pd.concat(tables) if tables else pd.DataFrame(columns=schema.names)
    return pa.Table.from_pandas(frame[schema.names], schema, preserve_index=False).replace_schema_metadata()


def index(table: "pa.Table") -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Return the first row and the number of rows of each stage that is right, and what is wrong with the others."""
    if len(table) > MAX_ROWS:
        return {}, [f"{len(table)} rows; allowed: {MAX_ROWS}"]
    return index_groups(table, "artefact", "curve", _find_fault)


def _find_fault(artefact: str, curve: "pa.Table") -> str:
    """Return what is wrong with the losses of a stage, or ""."""
    import pyarrow.compute as pc

    if not IDENTITY.fullmatch(artefact):
        return "allowed: 16 hexadecimal digits"
    names = {name.decode(errors="replace") for name in set(curve["name"].cast("binary").to_pylist())}
    if not all(map(NAME.fullmatch, names)):
        return "name: allowed: letters, digits and _, at most 40"
    finite = pc.and_(pc.is_finite(curve["at"]), pc.is_finite(curve["value"]))
    return "" if pc.all(finite).as_py() else "allowed: finite numbers"


def read(curve: "pa.Table", counter: str) -> "pd.DataFrame":
    """Return the losses of one stage, a column each, by the number of the step or round."""
    frame: pd.DataFrame = curve.to_pandas().drop_duplicates(["at", "name"])
    wide = frame.pivot(index="at", columns="name", values="value").rename_axis(index=counter, columns=None)
    return wide
