"""The formats of your own data: a table with pictures, folders of splits, a Parquet file, or a saved data set.

Nothing in the files is trusted. Only Arrow, CSV and JSON are parsed, and nothing outside the folder is opened.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from bench.datasets.own.arrow import read_parquet, read_saved
from bench.datasets.own.files import boundary, inside
from bench.datasets.own.rows import SPLIT_NAMES, RawDataset, RawRow, find_split, printable
from bench.datasets.own.tables import ENDINGS, read_table
from bench.datasets.splits import SPLITS
from bench.errors import UserError

TABLES = ", ".join(f"metadata{ending}" for ending in ENDINGS)

ALLOWED = (
    "a folder with pictures and metadata.jsonl or metadata.csv (or .tsv, .json), in it or in each of train, validation "
    "and test; such a table itself; a .parquet file; or a folder that `save_to_disk` of the library datasets wrote"
)

PART = "another part of a data set; a table in each of train, validation and test is read, or one table"

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class NoDataset(UserError):
    """There is no table, Parquet file or saved data set at a path."""


def open_dataset(path: Path) -> RawDataset:
    """Open the data set at `path`. Raises NoDataset if there is none, and UserError if a whole table is faulty."""
    try:
        if path.is_file() and _ending(path) in (".parquet", *ENDINGS):
            return _open_file(path)
        if path.is_dir():
            return _open_folder(path.resolve(), str(path))
    except OSError as error:
        raise UserError(f"dataset: {str(path)!r} cannot be read ({error.strerror}); allowed: {ALLOWED}") from None
    raise NoDataset(f"dataset: {str(path)!r} is no data set; allowed: {ALLOWED}")


def _open_file(path: Path) -> RawDataset:
    """Open one file, under the name and ending of the link that may stand for it."""
    name, folder, file = printable(path.name), path.parent.resolve(), path.resolve()
    rows: Callable[[], Iterator[RawRow | UserError]] = partial(read_table, file, name, "", _ending(path), folder)
    if _ending(path) == ".parquet":
        rows = partial(read_parquet, file, name)
    parts = [other for other in _other_tables(folder, path.name) if _is_part(path) and _is_part(other)]
    notes = tuple(_note(part, PART) for part in parts)
    return RawDataset(boundary(folder), rows, lambda split: folder, notes, {"": folder / path.name})


def _open_folder(root: Path, shown: str) -> RawDataset:
    top = boundary(root)
    if any((root / name).exists() for name in ("dataset_dict.json", "state.json")):
        return RawDataset(top, partial(read_saved, root, top), lambda split: root)
    table = _find_table(root, top)
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]
    bases: dict[str, Path] = {"": root} if table else _split_folders(folders, top)
    tables = {"": table} if table else {split: _find_table(folder, top) for split, folder in bases.items()}
    if not tables:
        raise NoDataset(f"dataset: no known format in {shown!r}{_advice(root)}; allowed: {ALLOWED}")
    unread = [folder for folder in folders if folder not in bases.values()]
    if table:
        notes = [_note(folder, "a folder with a table of its own") for folder in unread if _tables_in(folder)]
    else:
        names = ", ".join(SPLIT_NAMES)
        notes = [
            _note(folder, f"a folder with data; {names} with a table are read")
            for folder in unread
            if _has_data(folder)
        ]
    notes += [_note(other, "another table") for other in _other_tables(root, table.name if table else "")]
    rows = partial(_read_tables, tables, bases, root)
    files = {split: file for split, file in tables.items() if file is not None}
    return RawDataset(top, rows, lambda split: bases.get(split, root), tuple(notes), files)


def _note(file: Path, reason: str) -> str:
    return f"{printable(file.name)}: not read: {reason}"


def _read_tables(
    tables: Mapping[str, Path | None], bases: Mapping[str, Path], root: Path
) -> Iterator[RawRow | UserError]:
    for split, table in tables.items():
        if table is None:
            continue
        name = printable(str(table.relative_to(root)))
        yield from read_table(table.resolve(), name, split, _ending(table), bases[split])


def _split_folders(folders: list[Path], top: Path) -> dict[str, Path]:
    """Return the folder with a table for each split, in the order of the splits. Raises UserError for two of one."""
    by_split: dict[str, Path] = {}
    for folder in folders:
        split = find_split(folder.name)
        if split is None or _find_table(folder, top) is None:
            continue
        if split in by_split:
            both = f"{by_split[split].name!r} and {folder.name!r}"
            raise UserError(f"dataset: folders {both} are both {split}; allowed: one folder for each split")
        by_split[split] = folder
    return {split: by_split[split] for split in SPLITS if split in by_split}


def _find_table(folder: Path, top: Path) -> Path | None:
    """Return the one table of a folder, whose name may be in capitals."""
    files = _tables_in(folder)
    if len(files) > 1:
        names = " and ".join(file.name for file in files[:2])
        raise UserError(f"dataset: both {names} in {str(folder)!r}; allowed: one of them")
    if files:
        inside(files[0], top, files[0].name)
    return files[0] if files else None


def _tables_in(folder: Path) -> list[Path]:
    names = {f"metadata{ending}" for ending in ENDINGS}
    return sorted(file for file in folder.iterdir() if file.name.casefold() in names)


def _other_tables(folder: Path, read: str) -> list[Path]:
    """Return the tables of a folder that are not the one that is read."""
    endings = (".parquet", ".jsonl", ".csv", ".tsv")
    return sorted(file for file in folder.iterdir() if file.name != read and _ending(file) in endings)


def _is_part(file: Path) -> bool:
    """Tell if a file's name begins with that of a split, as `train-00000-of-00002.parquet` and `test.csv` do."""
    return find_split(re.split(r"[-_.]", file.name)[0]) is not None


def _advice(root: Path) -> str:
    """Return what to do with the tables that a folder has under other names."""
    names = [file.name for file in sorted(root.iterdir()) if _ending(file) in (".parquet", *ENDINGS)]
    if not names:
        return ""
    return f", but {', '.join(map(repr, names[:5]))}: give the path of one of them, or name it metadata"


def _has_data(folder: Path) -> bool:
    """Tell if there are pictures or tables in a folder or in one of its folders."""
    endings = (*PICTURES, *ENDINGS, ".parquet")
    return _has(folder, endings) or any(_has(inner, endings) for inner in folder.iterdir() if inner.is_dir())


def _has(folder: Path, endings: tuple[str, ...]) -> bool:
    return any(_ending(file) in endings for file in folder.iterdir())


def _ending(file: Path) -> str:
    return file.suffix.casefold()
