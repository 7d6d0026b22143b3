"""The three forms that data of one's own may have, as rows of cells: an image folder, a Parquet file, a saved data set.

Everything in them is from strangers. Only Arrow, CSV and JSON are parsed, and nothing outside the folder is opened.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.datasets.splits import SPLITS
from bench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("file_name", "image", "question", "answer", "caption", "answers", "choices", "id", "split", "rule")

ALLOWED = (
    "a folder with pictures and metadata.jsonl or metadata.csv, in it or in each of train, validation and test; "
    "a .parquet file; or a folder that `save_to_disk` of the library datasets wrote"
)

MAX_TABLE = 256 * 2**20
MAX_ROWS = 100_000
AT_ONCE = 64


class Raw(NamedTuple):
    """A row before it is checked. `where` names file and row, `split` is that of its folder or table, else ""."""

    where: str
    split: str
    cells: dict[str, Any]


class Form(NamedTuple):
    """A data set's rows, in order, as often as they are asked for; one that cannot be parsed is an error.

    Pictures in files of their own are inside `root`, in the folder that `base` gives for a row's split.
    """

    root: Path
    rows: Callable[[], Iterator[Raw | UserError]]
    base: Callable[[str], Path]


def open_form(path: Path) -> Form:
    """The form of what is at `path`. Raises UserError where it is none, and for what is wrong with a whole table."""
    root = path.resolve()
    if root.is_file() and root.suffix == ".parquet":
        return Form(root.parent, lambda: _parquet(root), lambda split: root.parent)
    if not root.is_dir():
        raise UserError(f"dataset: {str(path)!r} is no data set; allowed: {ALLOWED}")
    if any((root / name).exists() for name in ("dataset_dict.json", "state.json")):
        return Form(root, lambda: _saved(root), lambda split: root)
    if (table := _table(root, root)) is not None:
        return Form(root, lambda: _read(table, root, ""), lambda split: root)
    tables = {split: table for split in SPLITS if (table := _table(root / split, root)) is not None}
    if not tables:
        raise UserError(f"dataset: nothing is known in {str(path)!r}; allowed: {ALLOWED}")
    return Form(root, lambda: (row for s, t in tables.items() for row in _read(t, root, s)), lambda s: root / s)


def inside(file: Path, root: Path, where: str) -> Path:
    """The file itself. Raises UserError where it is none, or not inside `root` after all links are followed."""
    try:
        real = file.resolve()
        if not real.is_relative_to(root):
            raise UserError(f"{where}: it leaves the folder of the data set; allowed: what is inside")
        if real.is_file():
            return real
    except (OSError, ValueError, RuntimeError):  # too long a name, a zero byte, links in a circle
        pass
    raise UserError(f"{where}: there is no such file in the data set; allowed: the path of a picture in it")


def check_columns(names: Iterable[str], where: str) -> None:
    """Raises UserError for a column that is unknown, or named twice."""
    seen: set[str] = set()
    for name in names:
        if name not in COLUMNS or name in seen:
            fault = "stands there twice" if name in seen else "is not known"
            raise UserError(f"{where}: column {name[:80]!r} {fault}; allowed: {', '.join(COLUMNS)}")
        seen.add(name)


def _table(folder: Path, root: Path) -> Path | None:
    found = [folder / name for name in ("metadata.jsonl", "metadata.csv") if (folder / name).exists()]
    if len(found) > 1:
        raise UserError(f"dataset: both metadata.jsonl and metadata.csv in {str(folder)!r}; allowed: one of them")
    return inside(found[0], root, str(found[0].relative_to(root))) if found else None


def _read(table: Path, root: Path, split: str) -> Iterator[Raw | UserError]:
    """Bytes that are not UTF-8 become lone surrogates, which the check of a cell finds: they cost their row alone."""
    name = str(table.relative_to(root))
    if table.stat().st_size > MAX_TABLE:
        raise UserError(f"{name}: {table.stat().st_size} bytes; allowed: {MAX_TABLE}")
    data = table.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{name}: UTF-16; allowed: UTF-8")
    text = data.decode("utf-8-sig", errors="surrogateescape")
    return (_jsonl if table.suffix == ".jsonl" else _csv)(text, name, split)


def _jsonl(text: str, name: str, split: str) -> Iterator[Raw | UserError]:
    for number, line in enumerate(text.split("\n"), start=1):
        where = f"{name}, row {number}"
        if line.strip():
            try:
                cells = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield UserError(f"{where}: no JSON ({error}); allowed: one object a line")
                continue
            try:
                if not isinstance(cells, dict):
                    raise UserError(f"{where}: {type(cells).__name__}; allowed: one object a line")
                check_columns(cells, where)
            except UserError as error:
                yield error
            else:
                yield Raw(where, split, cells)


def _csv(text: str, name: str, split: str) -> Iterator[Raw | UserError]:
    """Rows are counted as a spreadsheet does: the header is row 1."""
    reader, header, number = csv.reader(io.StringIO(text, newline=""), strict=True), None, 0
    while True:
        number += 1
        where = f"{name}, row {number}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if "unexpected end" in str(error):  # everything after the quote is in one cell, however many rows that is
                raise UserError(f"{where}: a quote that is never closed; allowed: as many closed as opened") from None
            yield UserError(f"{where}: no CSV ({error}); allowed: cells with commas, quoted as in RFC 4180")
            continue
        if cells is None:
            return
        if header is None:
            check_columns(header := cells, where)
        elif len(cells) == len(header):
            yield Raw(where, split, dict(zip(header, cells, strict=True)))
        elif cells:
            yield UserError(f"{where}: {len(cells)} cells; allowed: {len(header)}, as the header has")


def _parquet(file: Path) -> Iterator[Raw | UserError]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            if table.metadata.num_rows > MAX_ROWS:
                raise UserError(f"{file.name}: {table.metadata.num_rows} rows; allowed: {MAX_ROWS}")
            check_columns(table.schema_arrow.names, file.name)
            yield from _rows(table.iter_batches(AT_ONCE), file.name, "")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file.name}: damaged ({_line(error)}); allowed: a whole Parquet file") from None


def _saved(root: Path) -> Iterator[Raw | UserError]:
    """Only what is plainly inside is opened: the names in the folder's own JSON files are checked before they are."""
    import datasets
    import pyarrow as pa

    try:
        parts = [""]
        if (root / "dataset_dict.json").exists():
            parts = json.loads(inside(root / "dataset_dict.json", root, "dataset_dict.json").read_bytes())["splits"]
            if foreign := [part for part in parts if part not in SPLITS]:
                raise UserError(f"dataset_dict.json: split {foreign[0]!r}; allowed: {', '.join(SPLITS)}")
        for part in parts:
            folder = root / part
            state = json.loads(inside(folder / "state.json", root, str(Path(part, "state.json"))).read_bytes())
            for name in ["dataset_info.json", *(each["filename"] for each in state["_data_files"])]:
                inside(folder / name, root, f"state.json, {str(name)[:80]!r}")
            loaded = datasets.load_from_disk(str(folder))
            check_columns(loaded.column_names, part or root.name)
            yield from _rows(loaded.data.to_batches(AT_ONCE), part or root.name, part)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UserError(f"{root.name}: damaged ({_line(error)}); allowed: what `save_to_disk` wrote") from None


def _rows(batches: Iterable["pa.RecordBatch"], name: str, split: str) -> Iterator[Raw | UserError]:
    number = 0
    for batch in batches:
        _validate(batch)
        for index in range(batch.num_rows):
            number += 1
            where = f"{name}, row {number}"
            try:
                cells = {column: batch.column(column)[index].as_py() for column in batch.schema.names}
            except UnicodeDecodeError:
                yield UserError(f"{where}: not UTF-8; allowed: UTF-8 text")
            else:
                yield Raw(where, split, cells)


def _validate(batch: "pa.RecordBatch") -> None:
    """Raises ArrowInvalid for damaged offsets, which reading a cell would follow anywhere and end the process.

    Words that are not UTF-8 are checked for after them, and are left to their row.
    """
    import pyarrow as pa

    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if not (pa.types.is_string(column.type) and "UTF8" in str(error)):
                raise


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
