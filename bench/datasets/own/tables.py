"""Tables of your own data: CSV and TSV, JSON lines, and one JSON list. They are read line by line where they can be."""

import codecs
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from bench.datasets.own.coco import read_coco
from bench.datasets.own.rows import RawRow, check_columns
from bench.errors import UserError

ENDINGS = (".jsonl", ".csv", ".tsv", ".json")

MAX_TABLE = 256 * 2**20
MAX_JSON = 32 * 2**20
"""Most bytes of a JSON list, which is parsed as a whole and takes up to 25 times its size then."""

MAX_LINE = 2**20
"""Most characters of a line."""


class Repeated(NamedTuple):
    """A JSON object that has a key twice, so that it does not say which value is meant."""

    key: str


class DecimalText(str):
    """A decimal number of JSON, as it was written."""

    __slots__ = ()


def read_table(file: Path, name: str, split: str, ending: str, folder: Path) -> Iterator[RawRow | UserError]:
    """Read a table, whose pictures are in `folder`.

    Bytes that are not UTF-8 become lone surrogates, so that only the rows that have them fail.
    """
    most = MAX_JSON if ending == ".json" else MAX_TABLE
    try:
        size = file.stat().st_size
        if size > most:
            advice = "; make it JSON lines, one record a line" if ending == ".json" else ""
            raise UserError(f"{name}: {size} bytes; allowed: {most}{advice}")
        with file.open("rb") as stream:
            if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise UserError(f"{name}: UTF-16; allowed: UTF-8")
        newline = "" if ending in (".csv", ".tsv") else "\n"
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline=newline) as text:
            if ending == ".json":
                yield from _read_json(text.read(), name, split, folder)
            elif ending == ".jsonl":
                yield from _read_jsonl(text, name, split)
            else:
                yield from _read_csv(text, name, split, "\t" if ending == ".tsv" else ",")
    except OSError as error:
        raise UserError(f"{name}: it cannot be read ({error.strerror}); allowed: a file that you may read") from None


def parse_json(text: str) -> Any:
    """Parse JSON. Decimals stay text as written, and an object with a key twice becomes `Repeated`.

    Raises ValueError for what is no JSON, for NaN and Infinity, and for too deep a nesting.

    >>> parse_json('{"answer": 0.50}'), parse_json('[{"a": 1, "a": 2}]')
    ({'answer': '0.50'}, [Repeated(key='a')])
    """
    try:
        return json.loads(text, parse_float=DecimalText, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name}, which is no value of JSON; null is")


def _unique(pairs: list[tuple[str, Any]]) -> "dict[str, Any] | Repeated":
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key in record:
            return Repeated(key)
        record[key] = value
    return record


def _find_repeated(value: object) -> Repeated | None:
    if isinstance(value, Repeated):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((repeated for repeated in map(_find_repeated, parts) if repeated), None)


def _record(cells: object, where: str, split: str) -> RawRow | UserError:
    """Return the row of a parsed record, or what is wrong with it."""
    repeated = _find_repeated(cells)
    if repeated:
        return UserError(f"{where}: key {repeated.key[:80]!r} is there twice; allowed: once")
    if not isinstance(cells, dict):
        return UserError(f"{where}: {type(cells).__name__}; allowed: one object a row")
    try:
        check_columns(cells, where)
    except UserError as error:
        return error
    return RawRow(where, split, cells)


def _read_jsonl(stream: TextIO, name: str, split: str) -> Iterator[RawRow | UserError]:
    number, long = 0, False
    while line := stream.readline(MAX_LINE):
        number += not long
        where = f"{name}, row {number}"
        rest, long = long, len(line) == MAX_LINE and not line.endswith("\n")
        if rest:
            continue
        if long:
            yield UserError(f"{where}: more than {MAX_LINE} characters; allowed: {MAX_LINE}")
        elif line.strip():
            try:
                yield _record(parse_json(line), where, split)
            except ValueError as error:
                yield UserError(f"{where}: no JSON ({error}); allowed: one object a line")


def _read_json(text: str, name: str, split: str, folder: Path) -> Iterator[RawRow | UserError]:
    try:
        content = parse_json(text)
    except ValueError as error:
        raise UserError(f"{name}: no JSON ({error}); allowed: a list of objects, one a row") from None
    if isinstance(content, Repeated):
        raise UserError(f"{name}: key {content.key[:80]!r} is there twice; allowed: once")
    if isinstance(content, dict):
        yield from read_coco(content, name, split, folder)
    elif isinstance(content, list):
        for number, cells in enumerate(content, start=1):
            yield _record(cells, f"{name}, row {number}", split)
    else:
        raise UserError(f"{name}: no list; allowed: a list of objects, one a row")


def _csv_lines(stream: TextIO, name: str) -> Iterator[str]:
    while line := stream.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise UserError(f"{name}: a line of more than {MAX_LINE} characters; allowed: {MAX_LINE}")
        yield line


def _read_csv(stream: TextIO, name: str, split: str, delimiter: str) -> Iterator[RawRow | UserError]:
    """Read the rows of a CSV or TSV. They are numbered as in a spreadsheet: the header is row 1."""
    reader = csv.reader(_csv_lines(stream, name), strict=True, delimiter=delimiter)
    header: list[str] | None = None
    number = 0
    while True:
        number += 1
        where = f"{name}, row {number}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if "unexpected end" in str(error):  # all rows after the quote would be one cell
                raise UserError(f"{where}: a quote that is never closed; allowed: as many closed as opened") from None
            yield UserError(f"{where}: no CSV ({error}); allowed: cells with commas, quoted as in RFC 4180")
            continue
        if cells is None:
            return
        if header is None:
            header = cells
            check_columns(header, where)
        elif len(cells) == len(header):
            yield RawRow(where, split, dict(zip(header, cells, strict=True)))
        elif cells:
            yield UserError(f"{where}: {len(cells)} cells; allowed: {len(header)}, as the header has")
