"""Parquet files and saved data sets of a protected folder: the same columns and types, with other cells."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.own.rows import RawRow
from bench.owner.cells import Edit, edit_cells

if TYPE_CHECKING:
    import pyarrow as pa

Edits = Callable[[int], Edit | None]

SLICE = 16
"""Rows whose pictures are in memory together."""

SAVED = ("dataset_info.json", "state.json")
"""Files beside the Arrow files of a saved data set."""


def write_parquet(file: Path, new: Path, edits: Edits) -> None:
    """Write a Parquet file again, with the changes of its rows."""
    import pyarrow.parquet as pq

    from bench.datasets import parquet

    with pq.ParquetFile(file) as table:
        schema = table.schema_arrow
    with pq.ParquetWriter(new, schema) as writer:
        for batch in _edit_batches(parquet.read_batches(file, file.name), schema, edits, 0):
            writer.write_batch(batch)


def list_saved(root: Path) -> list[str]:
    """Return the files of a saved data set, relative to its folder."""
    names = [name for folder in _parts(root) for name in _files_of(root, folder)]
    return [*(["dataset_dict.json"] if (root / "dataset_dict.json").exists() else []), *names]


def write_saved(root: Path, target: Path, edits: Edits) -> None:
    """Write a saved data set again, with the changes of its rows."""
    import pyarrow as pa

    first = 0
    for name in list_saved(root):
        new = target / name
        new.parent.mkdir(parents=True, exist_ok=True)
        if not name.endswith(".arrow"):
            shutil.copyfile(root / name, new)
            continue
        with pa.memory_map(str(root / name)) as source:
            reader = pa.ipc.open_stream(source)
            with pa.OSFile(str(new), "wb") as sink, pa.ipc.new_stream(sink, reader.schema) as writer:
                for batch in reader:
                    for edited in _edit_batches([batch], reader.schema, edits, first):
                        writer.write_batch(edited)
                    first += batch.num_rows


def _parts(root: Path) -> list[str]:
    """Return the folder of each split, or "" for a data set without splits."""
    described = root / "dataset_dict.json"
    return list(json.loads(described.read_bytes())["splits"]) if described.exists() else [""]


def _files_of(root: Path, part: str) -> Iterator[str]:
    folder = root / part
    state = json.loads((folder / "state.json").read_bytes())
    for name in (*(entry["filename"] for entry in state["_data_files"]), *SAVED):
        if (folder / name).exists():
            yield str((folder / name).relative_to(root))


def _edit_batches(
    batches: Iterable["pa.RecordBatch"], schema: "pa.Schema", edits: Edits, first: int
) -> Iterator["pa.RecordBatch"]:
    """Yield the batches with changed cells, a few rows at a time; `first` is the number of their first row."""
    import pyarrow as pa

    number = first
    for batch in batches:
        for start in range(0, batch.num_rows, SLICE):
            part = batch.slice(start, SLICE)
            rows = []
            for cells in part.to_pylist():
                edit = edits(number)
                number += 1
                if edit is not None:
                    rows.append(edit_cells(RawRow("", "", cells), edit))
            yield pa.RecordBatch.from_pylist(rows, schema)
