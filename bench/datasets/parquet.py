"""Reading a stranger's Parquet file batch by batch. What unfolds to far more than it is on disk is refused before.

Sizes are those that the pages themselves name, because a footer can say anything. Only as many rows are read at once as
fit into memory, whatever their dictionaries unfold to.
"""

import mmap
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as types

from bench.datasets.parquet_pages import read_pages
from bench.errors import UserError

BATCH = 64
"""Most rows that are read at once."""

MAX_LIST = 100
"""Most values of a list in one cell."""

MAX_VALUES = 10_000_000
"""Most values of a column in one group of rows."""

MAX_CELL = 64 * 2**20
"""Most bytes of a cell."""

MAX_UNFOLDED = 256 * 2**20
MAX_RATIO = 200
"""A column of more than MAX_UNFOLDED bytes may not unfold to more than this many times its size on disk."""

MAX_PAGE_RATIO = 20
"""The same for a page, which is decompressed as a whole."""


class RowGroup(NamedTuple):
    """The rows that are read at once, and the lists whose texts stay numbers of a dictionary's entries until then."""

    batch: int
    lists: set[str]


def read_batches(file: Path, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, or those `columns` of them, in batches of at most BATCH.

    Raises UserError for a damaged file, and for one that unfolds to too much.
    """
    with refuse_damage(name):
        with pq.ParquetFile(file) as plain:
            metadata, schema = plain.metadata, plain.schema
        with (
            file.open("rb") as stream,
            closing(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)) as mapped,
            memoryview(mapped) as data,
        ):
            groups = [_plan_group(data, metadata.row_group(n), schema, name) for n in range(metadata.num_row_groups)]
        lists = sorted(set().union(*(group.lists for group in groups)))
        with pq.ParquetFile(file, read_dictionary=lists) as table:
            for number, group in enumerate(groups):
                yield from table.iter_batches(group.batch, row_groups=[number], columns=columns)


@contextmanager
def refuse_damage(name: str) -> Iterator[None]:
    """Turn what Arrow raises over a damaged file into one line."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, IndexError, ValueError) as error:
        raise UserError(f"{name}: damaged ({first_line(error)}); allowed: a whole Parquet file") from None


def _plan_group(data: memoryview, group: Any, schema: Any, name: str) -> RowGroup:
    """Return how a group of rows is read so that no batch takes more than MAX_UNFOLDED bytes.

    A value that is coded as the number of a dictionary's entry is as large as the dictionary at most. Raises UserError
    for a page or column that unfolds to too much.
    """
    batch, lists = BATCH, set()
    for index in range(group.num_columns):
        column = group.column(index)
        dictionary = stored = unfolded = values = 0
        for page in read_pages(data, column):
            if page.unfolded > max(MAX_UNFOLDED, MAX_PAGE_RATIO * page.stored):
                raise bomb(name, page.unfolded)
            stored, unfolded, values = stored + page.stored, unfolded + page.unfolded, values + page.values
            if page.is_dictionary:
                dictionary = max(dictionary, page.unfolded)
        if unfolded > max(MAX_UNFOLDED, MAX_RATIO * stored):
            raise bomb(name, unfolded)
        if values > MAX_VALUES:
            raise UserError(f"{name}: {values} values in a column; allowed: {MAX_VALUES}")
        if column.physical_type != "BYTE_ARRAY":
            continue
        if schema.column(index).max_repetition_level == 0:
            batch = min(batch, max(1, MAX_UNFOLDED // max(1, dictionary)))
        elif dictionary * values > MAX_UNFOLDED:
            lists.add(column.path_in_schema)
    return RowGroup(batch, lists)


def read_cell(scalar: pa.Scalar, where: str, convert: Callable[[pa.Scalar], Any]) -> Any:
    """Return a cell as Python has it: `convert` of each value in it.

    Raises UserError for a list of more than MAX_LIST values, and for more than MAX_CELL bytes.
    """
    kind = scalar.type
    if not scalar.is_valid:
        return None
    if types.is_list(kind) or types.is_large_list(kind):
        if len(scalar.values) > MAX_LIST:
            raise UserError(f"{where}: {len(scalar.values)} values; allowed: up to {MAX_LIST}")
        parts: list[Any] = []
        size = 0
        for part in scalar.values:
            parts.append(read_cell(part, where, convert))
            size += size_of(parts[-1])
            if size > MAX_CELL:
                raise _too_large(where)
        return parts
    if types.is_struct(kind):
        return {field.name: read_cell(scalar[field.name], where, convert) for field in kind}
    if isinstance(scalar, pa.BinaryScalar | pa.LargeBinaryScalar) and scalar.as_buffer().size > MAX_CELL:
        raise _too_large(where)
    return convert(scalar)


def size_of(value: object) -> int:
    """Return the bytes of a cell's texts and pictures, and 8 for each other value."""
    if isinstance(value, dict):
        return sum(map(size_of, value.values()))
    if isinstance(value, list):
        return sum(map(size_of, value))
    return len(value) if isinstance(value, (str, bytes)) else 8


def bomb(name: str, size: int) -> UserError:
    """Return the error for a file that unfolds to `size` bytes."""
    return UserError(
        f"{name}: it unfolds to {size / 2**20:.0f} MB or more; allowed: {MAX_UNFOLDED / 2**20:.0f} MB, or {MAX_RATIO} "
        "times its size on disk; give repeated pictures as files"
    )


def first_line(error: BaseException) -> str:
    """Return the beginning of an error's message."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _too_large(where: str) -> UserError:
    return UserError(f"{where}: more than {MAX_CELL} bytes; allowed: {MAX_CELL}")
