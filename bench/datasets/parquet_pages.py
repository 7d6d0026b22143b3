"""The headers of a Parquet file's pages: how large each page is once it is decompressed, whatever the footer says.

A header is a struct in Thrift's compact protocol: see PageHeader in parquet.thrift of apache/parquet-format.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

DICTIONARY = 2
"""The type of a page that holds the entries of a dictionary."""

COUNTS = {0: 5, DICTIONARY: 7, 3: 8}
"""The field of a page's header whose first field is the number of its values, by the type of the page."""

MAX_DEPTH = 4
"""Structs inside structs that a page's header has at most."""


class Page(NamedTuple):
    """A page of a column: its place in the file, its type, its bytes stored and decompressed, its number of values."""

    place: int
    type: int
    stored: int
    unfolded: int
    values: int

    @property
    def is_dictionary(self) -> bool:
        """True for the entries of a dictionary, to which the values of other pages are numbers."""
        return self.type == DICTIONARY


def read_pages(data: memoryview, column: Any) -> Iterator[Page]:
    """Yield the pages of a column chunk of a file's bytes, as far as Arrow reads them.

    column: a `pyarrow.parquet.ColumnChunkMetaData`. Raises ValueError or IndexError for a damaged header.
    """
    place = column.data_page_offset
    if column.has_dictionary_page and 0 < column.dictionary_page_offset < place:
        place = column.dictionary_page_offset
    end, values = place + column.total_compressed_size, 0
    while place < end and values < column.num_values:
        start = place
        header, place = _read_struct(data, start)
        kind, unfolded, stored = (header.get(field, -1) for field in (1, 2, 3))
        count = header.get(COUNTS.get(kind, 0), {}).get(1, 0)
        if min(kind, unfolded, stored, count) < 0:
            raise ValueError("a page without its size")
        yield Page(start, kind, stored, unfolded, count)
        values += 0 if kind == DICTIONARY else count
        place += stored


def _read_struct(data: memoryview, place: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """Return the whole numbers and structs of a struct by their fields, and the place after it."""
    if depth > MAX_DEPTH:
        raise ValueError("structs nested too deeply")
    fields: dict[int, Any] = {}
    number = 0
    while head := data[place]:
        place += 1
        kind, step = head & 15, head >> 4
        if step:
            number += step
        else:
            number, place = _read_number(data, place)
        if kind in (4, 5, 6):  # a whole number of 16, 32 or 64 bits
            fields[number], place = _read_number(data, place)
        elif kind == 8:  # bytes
            length, place = _read_varint(data, place)
            place += length
        elif kind == 12:
            fields[number], place = _read_struct(data, place, depth + 1)
        elif kind not in (1, 2):  # not a truth value, whose value is the kind
            raise ValueError(f"a field of kind {kind}")
    return fields, place + 1


def _read_number(data: memoryview, place: int) -> tuple[int, int]:
    """Return a whole number, whose lowest bit is its sign, and the place after it."""
    value, place = _read_varint(data, place)
    return (value >> 1) ^ -(value & 1), place


def _read_varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        value |= (data[place] & 127) << shift
        place += 1
        if data[place - 1] < 128:
            return value, place
    raise ValueError("a number of more than 64 bits")
