"""Parquet files and saved data sets, read as rows. What unfolds to far more than it is on disk is refused before.

A Parquet file is read by `bench.datasets.parquet`. A saved data set is mapped from disk; compressed or encoded buffers,
which `save_to_disk` never writes, are refused.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.datasets.own.files import inside
from bench.datasets.own.rows import MAX_ROWS, RawRow, check_columns, find_split
from bench.datasets.splits import SPLITS, Split
from bench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa


def read_parquet(file: Path, name: str) -> Iterator[RawRow | UserError]:
    """Yield the rows of a Parquet file. Raises UserError for a damaged one, and for one that unfolds to too much."""
    import pyarrow.parquet as pq

    from bench.datasets import parquet

    with parquet.refuse_damage(name):
        with pq.ParquetFile(file) as table:
            metadata, schema = table.metadata, table.schema_arrow
        check_columns(schema.names, name)
        _check_types(schema, name)
        if metadata.num_rows > MAX_ROWS:
            raise UserError(f"{name}: {metadata.num_rows} rows; allowed: {MAX_ROWS}")
        most = max(parquet.MAX_UNFOLDED, parquet.MAX_RATIO * file.stat().st_size)
        unfolded = 0
        for row in batch_rows(parquet.read_batches(file, name), name, ""):
            yield row
            unfolded += parquet.size_of(row.cells) if isinstance(row, RawRow) else 0
            if unfolded > most:
                raise parquet.bomb(name, unfolded)


def read_saved(root: Path, top: Path) -> Iterator[RawRow | UserError]:
    """Yield the rows of what `save_to_disk` wrote. Nothing is opened outside `top`, the root or a hub cache around it.

    Of its JSON files only the names of the splits and of the Arrow files are used, and no code that they name is run.
    """
    import pyarrow as pa

    from bench.datasets.parquet import first_line

    try:
        parts: dict[Split | str, str] = {"": ""}
        if (root / "dataset_dict.json").exists():
            parts = _splits(json.loads(inside(root / "dataset_dict.json", top, "dataset_dict.json").read_bytes()))
        total = 0
        for split, part in parts.items():
            folder, name = root / part, part or root.name
            state = json.loads(inside(folder / "state.json", top, str(Path(part, "state.json"))).read_bytes())
            if state.get("_indices_data_files"):
                raise UserError(f"{name}: a selection of rows by indices; allowed: what a newer datasets saves again")
            files = [
                inside(folder / entry["filename"], top, f"state.json, {str(entry['filename'])[:80]!r}")
                for entry in state["_data_files"]
            ]
            for file in files:
                total += _check_stream(file, name)
            if total > MAX_ROWS:
                raise UserError(f"{name}: more than {MAX_ROWS} rows; allowed: {MAX_ROWS}")
            yield from batch_rows((batch for file in files for batch in _batches(file)), name, split)
    except (
        pa.ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error,
    ) as error:  # fmt: skip
        raise UserError(f"{root.name}: damaged ({first_line(error)}); allowed: what `save_to_disk` wrote") from None


def batch_rows(batches: Iterable["pa.RecordBatch"], name: str, split: str) -> Iterator[RawRow | UserError]:
    """Yield the rows of record batches, numbered from 1."""
    from bench.datasets.parquet import read_cell

    number = 0
    for batch in batches:
        _check_offsets(batch)
        for index in range(batch.num_rows):
            number += 1
            where = f"{name}, row {number}"
            try:
                cells = {c: read_cell(batch.column(c)[index], f"{where}: {c}", _value) for c in batch.schema.names}
            except UnicodeDecodeError:
                yield UserError(f"{where}: not UTF-8; allowed: UTF-8 text")
            except UserError as error:
                yield error
            else:
                yield RawRow(where, split, cells)


def _splits(described: Any) -> dict[Split | str, str]:
    """Return the folder of each split that dataset_dict.json names."""
    parts: dict[Split | str, str] = {}
    for part in described["splits"]:
        split = find_split(part)
        if split is None or split in parts:
            raise UserError(f"dataset_dict.json: split {str(part)[:80]!r}; allowed: {', '.join(SPLITS)}, each once")
        parts[split] = part
    return parts


def _check_types(schema: "pa.Schema", name: str) -> None:
    """Raise UserError for a column of a type that no cell has, such as dates or nested lists."""
    import pyarrow.types as types

    def scalar(kind: "pa.DataType") -> bool:
        if types.is_dictionary(kind):
            return scalar(kind.value_type) and not types.is_dictionary(kind.value_type)
        checks = (
            "string",
            "large_string",
            "binary",
            "large_binary",
            "integer",
            "floating",
            "boolean",
            "decimal",
            "null",
        )
        return any(getattr(types, f"is_{check}")(kind) for check in checks)

    def record(kind: "pa.DataType") -> bool:
        fields = [kind.field(i).type for i in range(kind.num_fields)] if types.is_struct(kind) else []
        return scalar(kind) or (types.is_struct(kind) and all(map(scalar, fields)))

    for column in schema:
        kind = column.type
        items = types.is_list(kind) or types.is_large_list(kind)
        if not record(kind.value_type if items else kind):
            allowed = "text, numbers, pictures, or lists of them"
            raise UserError(f"{name}: column {column.name[:80]!r} is {str(kind)[:80]}; allowed: {allowed}")


def _check_stream(file: Path, name: str) -> int:
    """Return the number of rows of an Arrow file, without decoding them. Raises UserError for compressed buffers."""
    import pyarrow as pa

    rows = 0
    with pa.memory_map(str(file)) as source:
        messages = pa.ipc.MessageReader.open_stream(source)
        schema = pa.ipc.read_schema(messages.read_next_message())
        check_columns(schema.names, name)
        _check_types(schema, name)
        encoded = any(pa.types.is_dictionary(kind) for kind in _leaf_types(schema))
        for message in messages:
            if encoded or message.type != "record batch" or _is_compressed(message.metadata.to_pybytes()):
                raise UserError(f"{name}: compressed or encoded Arrow; allowed: what `save_to_disk` writes")
            rows += pa.ipc.read_record_batch(message, schema).num_rows
    return rows


def _leaf_types(schema: "pa.Schema") -> Iterator["pa.DataType"]:
    import pyarrow.types as types

    for column in schema:
        kind = column.type
        kind = kind.value_type if types.is_list(kind) or types.is_large_list(kind) else kind
        yield from (kind.field(i).type for i in range(kind.num_fields)) if types.is_struct(kind) else (kind,)


def _is_compressed(message: bytes) -> bool:
    """Tell if the metadata of a record batch name a compression: field 3 of the table that field 2 of Message is.

    See Message.fbs of Arrow and the encoding of FlatBuffers.
    """

    def find(table: int, number: int) -> int:
        """Return the place of a table's field, or 0 if it is not there."""
        layout = table - struct.unpack_from("<i", message, table)[0]
        if 4 + 2 * number >= struct.unpack_from("<H", message, layout)[0]:
            return 0
        offset = struct.unpack_from("<H", message, layout + 4 + 2 * number)[0]
        return table + offset if offset else 0

    header = find(struct.unpack_from("<I", message, 0)[0], 2)
    return find(header + struct.unpack_from("<I", message, header)[0], 3) != 0


def _batches(file: Path) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa

    with pa.memory_map(str(file)) as source:
        yield from pa.ipc.open_stream(source)


def _value(scalar: "pa.Scalar") -> Any:
    """Return a value as Python has it. Decimals become text, and those that are not a number count as empty."""
    import pyarrow.types as types

    kind, value = scalar.type, scalar.as_py()
    if types.is_decimal(kind):
        return str(value)
    if not types.is_floating(kind):
        return value
    return str(np.dtype(kind.to_pandas_dtype()).type(value)) if np.isfinite(value) else None


def _check_offsets(batch: "pa.RecordBatch") -> None:
    """Raise ArrowInvalid for damaged offsets: reading such a cell could access any memory and crash the process.

    Text that is not UTF-8 is no error here; it is reported with its row.
    """
    import pyarrow as pa

    for column in batch.columns:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if not (pa.types.is_string(kind) and "UTF8" in str(error)):
                raise
