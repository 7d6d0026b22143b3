"""The three formats of your own data, read as rows of cells: an image folder, a Parquet file, a saved data set.

Nothing in the files is trusted. Only Arrow, CSV and JSON are parsed, and nothing outside the folder is opened.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
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
BATCH = 64


class RawRow(NamedTuple):
    """A row before it is checked. `where` names file and row; `split` is that of its folder or table, else ""."""

    where: str
    split: str
    cells: dict[str, Any]


class RawDataset(NamedTuple):
    """A data set before it is checked. `rows` reads from the first row on; a row that cannot be parsed is an error.

    Pictures in separate files are inside `root`, in the folder that `base` returns for a row's split.
    """

    root: Path
    rows: Callable[[], Iterator[RawRow | UserError]]
    base: Callable[[str], Path]


def open_dataset(path: Path) -> RawDataset:
    """Open the data set at `path`. Raises UserError if there is none, or if a whole table is faulty."""
    root = path.resolve()
    if root.is_file() and root.suffix == ".parquet":
        return RawDataset(root.parent, partial(_read_parquet, root), lambda split: root.parent)
    if not root.is_dir():
        raise UserError(f"dataset: {str(path)!r} is no data set; allowed: {ALLOWED}")
    if any((root / name).exists() for name in ("dataset_dict.json", "state.json")):
        return RawDataset(root, partial(_read_saved, root), lambda split: root)
    table = _find_table(root, root)
    if table is not None:
        return RawDataset(root, partial(_read_table, table, root, ""), lambda split: root)
    tables: dict[str, Path | None] = {split: _find_table(root / split, root) for split in SPLITS}
    if not any(tables.values()):
        raise UserError(f"dataset: no known format in {str(path)!r}; allowed: {ALLOWED}")
    return RawDataset(root, partial(_read_tables, tables, root), lambda split: root / split)


def inside(file: Path, root: Path, where: str) -> Path:
    """Return the resolved file. Raises UserError if it is no file, or not inside `root` after following all links."""
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
    """Raise UserError for a column that is unknown or named twice."""
    seen: set[str] = set()
    for name in names:
        if name not in COLUMNS or name in seen:
            fault = "is there twice" if name in seen else "is not known"
            raise UserError(f"{where}: column {name[:80]!r} {fault}; allowed: {', '.join(COLUMNS)}")
        seen.add(name)


def _find_table(folder: Path, root: Path) -> Path | None:
    files = [folder / name for name in ("metadata.jsonl", "metadata.csv") if (folder / name).exists()]
    if len(files) > 1:
        raise UserError(f"dataset: both metadata.jsonl and metadata.csv in {str(folder)!r}; allowed: one of them")
    return inside(files[0], root, str(files[0].relative_to(root))) if files else None


def _read_tables(tables: Mapping[str, Path | None], root: Path) -> Iterator[RawRow | UserError]:
    for split, table in tables.items():
        if table is not None:
            yield from _read_table(table, root, split)


def _read_table(table: Path, root: Path, split: str) -> Iterator[RawRow | UserError]:
    """Read a table. Bytes that are not UTF-8 become lone surrogates, so that only the rows that have them fail."""
    name = str(table.relative_to(root))
    if table.stat().st_size > MAX_TABLE:
        raise UserError(f"{name}: {table.stat().st_size} bytes; allowed: {MAX_TABLE}")
    data = table.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{name}: UTF-16; allowed: UTF-8")
    text = data.decode("utf-8-sig", errors="surrogateescape")
    return _read_jsonl(text, name, split) if table.suffix == ".jsonl" else _read_csv(text, name, split)


def _read_jsonl(text: str, name: str, split: str) -> Iterator[RawRow | UserError]:
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
                yield RawRow(where, split, cells)


def _read_csv(text: str, name: str, split: str) -> Iterator[RawRow | UserError]:
    """Read the rows of a CSV. They are numbered as in a spreadsheet: the header is row 1."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
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


def _read_parquet(file: Path) -> Iterator[RawRow | UserError]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            if table.metadata.num_rows > MAX_ROWS:
                raise UserError(f"{file.name}: {table.metadata.num_rows} rows; allowed: {MAX_ROWS}")
            check_columns(table.schema_arrow.names, file.name)
            yield from _batch_rows(table.iter_batches(BATCH), file.name, "")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file.name}: damaged ({_first_line(error)}); allowed: a whole Parquet file") from None


def _read_saved(root: Path) -> Iterator[RawRow | UserError]:
    """Read what `save_to_disk` wrote. File names in the folder's JSON files are checked before any file is opened."""
    import datasets
    import pyarrow as pa

    try:
        parts = [""]
        if (root / "dataset_dict.json").exists():
            parts = json.loads(inside(root / "dataset_dict.json", root, "dataset_dict.json").read_bytes())["splits"]
            unknown = [part for part in parts if part not in SPLITS]
            if unknown:
                raise UserError(f"dataset_dict.json: split {unknown[0]!r}; allowed: {', '.join(SPLITS)}")
        for part in parts:
            folder = root / part
            state = json.loads(inside(folder / "state.json", root, str(Path(part, "state.json"))).read_bytes())
            for name in ["dataset_info.json", *(file["filename"] for file in state["_data_files"])]:
                inside(folder / name, root, f"state.json, {str(name)[:80]!r}")
            loaded = datasets.load_from_disk(str(folder))
            check_columns(loaded.column_names, part or root.name)
            yield from _batch_rows(loaded.data.to_batches(BATCH), part or root.name, part)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UserError(f"{root.name}: damaged ({_first_line(error)}); allowed: what `save_to_disk` wrote") from None


def _batch_rows(batches: Iterable["pa.RecordBatch"], name: str, split: str) -> Iterator[RawRow | UserError]:
    number = 0
    for batch in batches:
        _check_offsets(batch)
        for index in range(batch.num_rows):
            number += 1
            where = f"{name}, row {number}"
            try:
                cells = {column: batch.column(column)[index].as_py() for column in batch.schema.names}
            except UnicodeDecodeError:
                yield UserError(f"{where}: not UTF-8; allowed: UTF-8 text")
            else:
                yield RawRow(where, split, cells)


def _check_offsets(batch: "pa.RecordBatch") -> None:
    """Raise ArrowInvalid for damaged offsets: reading such a cell could access any memory and crash the process.

    Text that is not UTF-8 is no error here; it is reported with its row.
    """
    import pyarrow as pa

    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if not (pa.types.is_string(column.type) and "UTF8" in str(error)):
                raise


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
