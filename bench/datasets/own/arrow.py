"""Parquet files and saved data sets, read as rows. What unfolds to far more than it is on disk is refused before.

Of a Parquet file only as many rows are read at once as fit into memory, whatever its dictionaries unfold to. A saved
data set is mapped from disk; compressed or encoded buffers, which `save_to_disk` never writes, are refused.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench.datasets.own.files import inside
from bench.datasets.own.rows import MAX_LIST, MAX_ROWS, RawRow, check_columns, find_split
from bench.datasets.splits import SPLITS, Split
from bench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 64

DICTIONARY_PAGE = 2
"""The type of a page, in parquet.thrift."""

MAX_CELL = 64 * 2**20
MAX_UNFOLDED = 256 * 2**20
MAX_RATIO = 200
"""A file of more than MAX_UNFOLDED bytes may not unfold to more than this many times its size on disk."""


class RowGroup(NamedTuple):
    """The rows that are read at once, and the lists whose texts stay numbers of a dictionary's entries until then."""

    batch: int
    lists: set[str]


def read_parquet(file: Path, name: str) -> Iterator[RawRow | UserError]:
    """Yield the rows of a Parquet file. Raises UserError for a damaged one, and for one that unfolds to too much."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as plain:
            _check_metadata(plain.metadata, name)
            check_columns(plain.schema_arrow.names, name)
            _check_types(plain.schema_arrow, name)
            groups = [_plan_group(file, plain.metadata.row_group(n), plain.schema) for n in range(plain.num_row_groups)]
        lists = sorted(set().union(*(group.lists for group in groups)))
        most = max(MAX_UNFOLDED, MAX_RATIO * file.stat().st_size)
        unfolded = 0
        with pq.ParquetFile(file, read_dictionary=lists) as table:
            batches = (b for n, group in enumerate(groups) for b in table.iter_batches(group.batch, row_groups=[n]))
            for row in batch_rows(batches, name, ""):
                yield row
                unfolded += _size(row.cells) if isinstance(row, RawRow) else 0
                if unfolded > most:
                    raise _bomb(name, unfolded)
    except pa.ArrowNotImplementedError:
        raise UserError(f"{name}: lists with large dictionaries; allowed: such a file without use_dictionary") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, IndexError) as error:
        raise UserError(f"{name}: damaged ({_first_line(error)}); allowed: a whole Parquet file") from None


def _plan_group(file: Path, group: Any, schema: Any) -> RowGroup:
    """Return how a row group is read so that no batch takes more than MAX_UNFOLDED bytes.

    A value that is coded as the number of a dictionary's entry is as large as the dictionary at most.
    """
    batch, lists = BATCH, set()
    for index in range(group.num_columns):
        column = group.column(index)
        if column.physical_type != "BYTE_ARRAY":
            continue
        size = _dictionary_size(file, column)
        if schema.column(index).max_repetition_level == 0:
            batch = min(batch, max(1, MAX_UNFOLDED // max(1, size)))
        elif size * column.num_values > MAX_UNFOLDED:
            lists.add(column.path_in_schema)
    return RowGroup(batch, lists)


def _dictionary_size(file: Path, column: Any) -> int:
    """Return the bytes of a column's dictionary after decompression, or 0 if it has none.

    They are in the header of the first page, in Thrift's compact protocol: field 1 the page's type, 2 its size.
    """
    start = column.data_page_offset
    if column.has_dictionary_page and 0 < column.dictionary_page_offset < start:
        start = column.dictionary_page_offset
    with file.open("rb") as stream:
        stream.seek(start)
        header = stream.read(16)
    values, place = [], 0
    for _ in range(2):
        value, shift, place = 0, 0, place + 1
        while True:
            value |= (header[place] & 127) << shift
            place, shift = place + 1, shift + 7
            if header[place - 1] < 128:
                break
        values.append(value >> 1)
    return values[1] if values[0] == DICTIONARY_PAGE else 0


def read_saved(root: Path, top: Path) -> Iterator[RawRow | UserError]:
    """Yield the rows of what `save_to_disk` wrote. Nothing is opened outside `top`, the root or a hub cache around it.

    Of its JSON files only the names of the splits and of the Arrow files are used, and no code that they name is run.
    """
    import pyarrow as pa

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
        raise UserError(f"{root.name}: damaged ({_first_line(error)}); allowed: what `save_to_disk` wrote") from None


def batch_rows(batches: Iterable["pa.RecordBatch"], name: str, split: str) -> Iterator[RawRow | UserError]:
    """Yield the rows of record batches, numbered from 1."""
    number = 0
    for batch in batches:
        _check_offsets(batch)
        for index in range(batch.num_rows):
            number += 1
            where = f"{name}, row {number}"
            try:
                cells = {c: _cell(batch.column(c)[index], f"{where}: {c}") for c in batch.schema.names}
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


def _check_metadata(metadata: Any, name: str) -> None:
    """Raise UserError for too many rows or values, and for a column that unfolds to too much."""
    if metadata.num_rows > MAX_ROWS:
        raise UserError(f"{name}: {metadata.num_rows} rows; allowed: {MAX_ROWS}")
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.num_values > MAX_ROWS * MAX_LIST:
                raise UserError(f"{name}: {column.num_values} values in a column; allowed: {MAX_ROWS * MAX_LIST}")
            size = column.total_uncompressed_size
            if size > max(MAX_UNFOLDED, MAX_RATIO * column.total_compressed_size):
                raise _bomb(name, size)


def _bomb(name: str, size: int) -> UserError:
    return UserError(
        f"{name}: it unfolds to {size / 2**20:.0f} MB or more; allowed: {MAX_UNFOLDED / 2**20:.0f} MB, or {MAX_RATIO} "
        "times its size on disk; give repeated pictures as files"
    )


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


def _cell(scalar: "pa.Scalar", where: str) -> Any:
    """Return a cell as Python has it. Decimals become text, and those that are not a number count as empty."""
    import pyarrow.types as types

    kind = scalar.type
    if types.is_list(kind) or types.is_large_list(kind):
        if not scalar.is_valid:
            return None
        if len(scalar.values) > MAX_LIST:
            raise UserError(f"{where}: {len(scalar.values)} values; allowed: up to {MAX_LIST}")
        parts: list[Any] = []
        size = 0
        for part in scalar.values:
            parts.append(_cell(part, where))
            size += _size(parts[-1])
            if size > MAX_CELL:
                raise UserError(f"{where}: more than {MAX_CELL} bytes; allowed: {MAX_CELL}")
        return parts
    value = scalar.as_py()
    if not types.is_floating(kind) or value is None:
        return str(value) if types.is_decimal(kind) and value is not None else value
    if not np.isfinite(value):
        return None
    return str(np.dtype(kind.to_pandas_dtype()).type(value))


def _size(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, (str, bytes)) else 8


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


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
