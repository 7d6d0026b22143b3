"""The pictures and rows of an owner's folder: read once, one picture in memory at a time."""

import hashlib
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from bench.datasets.own.files import inside, locate, read_limited
from bench.datasets.own.formats import NoDataset, open_dataset
from bench.datasets.own.row_checks import CheckedTexts, check_texts, only_picture, read_picture
from bench.datasets.own.rows import RawDataset, RawRow, printable
from bench.datasets.own.tables import ENDINGS
from bench.errors import UserError
from bench.owner.encodings import MAX_FILE, Header, read_header
from bench.owner.names import check_length, plan_names, walk
from bench.owner.tables import list_tables, stamp_table

TABLES = (*ENDINGS, ".parquet")
"""The endings of the names of tables."""

NOT_READ = "not read: a table of another name; give its path instead of the folder"
"""The reason for which a table is left out of a folder that has no known one."""


@dataclass
class Picture:
    """A picture that is to be protected: all files with its bytes, and all rows about it, by number.

    file: where its bytes can be read again. names: its files, relative to the folder; none if it is inside a table.
    """

    digest: str
    file: Path
    header: Header
    names: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The name in reports."""
        return printable(self.names[0]) if self.names else f"picture {self.digest[:16]}"

    def read(self) -> bytes:
        """Return the bytes of its file. Raises UserError where they cannot be read, or are others by now."""
        data = read_limited(self.file, MAX_FILE, self.label)
        if hashlib.sha256(data).hexdigest() != self.digest:
            raise UserError(
                f"{self.label}: the file was changed after the work began; allowed: one that stays as it is"
            )
        return data


class LeftOut(NamedTuple):
    """A file or row that is not in the protected folder, and the reason."""

    name: str
    reason: str


@dataclass
class Inventory:
    """The contents of an owner's folder.

    root: the folder that names are relative to. dataset: its rows, None for pictures without texts. texts: of each row
    that can be used, by number, counted from 0. files: the name of each row's picture; "" if it is inside a table.
    stamps: the size and the time of change of each table.
    """

    source: Path
    root: Path
    dataset: RawDataset | None
    pictures: dict[str, Picture] = field(default_factory=dict)
    texts: dict[int, CheckedTexts] = field(default_factory=dict)
    files: dict[int, str] = field(default_factory=dict)
    rows: int = 0
    stamps: dict[Path, tuple[int, int]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def names(self) -> dict[str, str]:
        """The name of the protected file of each picture."""
        return plan_names({name: p.header.format for p in self.pictures.values() for name in p.names})

    @cached_property
    def digests(self) -> dict[int, str]:
        """The picture of each row."""
        return {row: picture.digest for picture in self.pictures.values() for row in picture.rows}

    def check_tables(self) -> None:
        """Raise UserError where a table was changed since it was read."""
        for file, stamp in self.stamps.items():
            if stamp_table(file) != stamp:
                raise UserError(
                    f"source: {str(file)!r} was changed after the work began; allowed: a table that stays as it is "
                    "until the work is done, and a new folder for it"
                )

    @property
    def identity(self) -> list[object]:
        """Everything that decides what is protected: it changes with any picture, text or name."""
        pictures = [[p.digest, p.names, p.rows] for p in self.pictures.values()]
        return [pictures, [[number, *texts] for number, texts in self.texts.items()], self.left_out]


def locate_source(text: str) -> Path:
    """Return the resolved path of a folder or file that is there. Raises UserError for any other."""
    path = locate(text)
    if not path.exists():
        raise UserError(f"source: {text[:80]!r} is not there; allowed: a folder with pictures, or a data set")
    return path


def locate_copy(original: Path, folder: Path) -> Path:
    """Return what stands for an original in its protected folder: the table of the same name, or the folder."""
    table = folder / original.name
    return table if original.is_file() and table.is_file() else folder


def take_inventory(source: Path, spool: Path) -> Inventory:
    """Read every row and picture of a path, and decode none.

    spool: a folder for the pictures that are inside a table. Raises UserError where there is nothing to protect.
    """
    root = (source if source.is_dir() else source.parent).resolve()
    try:
        inventory = Inventory(source, root, open_dataset(source))
    except NoDataset:
        if not source.is_dir():
            raise UserError(
                f"source: {str(source)!r} is a file, and no table; allowed: a folder with pictures, or a data set"
            ) from None
        inventory = Inventory(source, root, None)
    _read_rows(inventory, spool)
    if source.is_dir():
        _read_files(inventory)
    return inventory


def _read_rows(inventory: Inventory, spool: Path) -> None:
    if inventory.dataset is None:
        return
    inventory.stamps = {file: stamp_table(file) for file in inventory.dataset.tables.values()}
    for number, raw in enumerate(inventory.dataset.rows()):
        inventory.rows = number + 1
        try:
            if isinstance(raw, UserError):
                raise raw
            texts = check_texts(raw)
            data = read_picture(raw, inventory.dataset, MAX_FILE)
            name = picture_name(raw, inventory.dataset, inventory.root)
            picture = _add_picture(inventory, data, name, spool, f"{raw.where}: picture")
        except UserError as error:
            where, _, reason = str(error).partition(": ")
            inventory.left_out.append(LeftOut(where, reason))
            continue
        picture.rows.append(number)
        inventory.texts[number], inventory.files[number] = texts, name


def picture_name(raw: RawRow, dataset: RawDataset, root: Path) -> str:
    """Return the path of a row's picture relative to the root; "" for a picture inside the table.

    Raises UserError for a file outside the root, which has no place in a protected folder.
    """
    cell = only_picture(raw)
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes):
        return ""
    path = Path(os.path.normpath(dataset.base(raw.split) / str(cell).strip()))
    if not path.is_file():  # it is spelt otherwise on the disk
        path = inside(path, dataset.root, raw.where)
    if not path.is_relative_to(root):
        raise UserError(f"{raw.where}: picture {str(cell)[:80]!r} is outside the folder; allowed: inside it")
    return str(path.relative_to(root))


def _add_picture(inventory: Inventory, data: bytes, name: str, spool: Path, where: str) -> Picture:
    digest = hashlib.sha256(data).hexdigest()
    picture = inventory.pictures.get(digest)
    if picture is None:
        header = read_header(data, where)
        check_length(name, header.format, where)
        file = inventory.root / name if name else spool / digest
        if not name:
            spool.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        picture = inventory.pictures[digest] = Picture(digest, file, header)
    if name and name not in picture.names:
        picture.names.append(name)
    return picture


def _read_files(inventory: Inventory) -> None:
    """Add the pictures of a folder without texts, whatever their names, and name the files that are not protected."""
    known = {name for picture in inventory.pictures.values() for name in picture.names}
    tables = set(list_tables(inventory.dataset, inventory.root)) if inventory.dataset else set()
    for name, fault in walk(inventory.root):
        if name in known or name in tables:
            continue
        shown = printable(name)
        if fault:
            inventory.left_out.append(LeftOut(shown, fault))
        elif inventory.dataset is not None:
            inventory.left_out.append(LeftOut(shown, "not copied: no row names it"))
        else:
            try:
                data = read_limited(inventory.root / name, MAX_FILE, shown)
                _add_picture(inventory, data, name, inventory.root, shown)
            except UserError as error:
                reason = NOT_READ if name.casefold().endswith(TABLES) else str(error).removeprefix(f"{shown}: ")
                inventory.left_out.append(LeftOut(shown, reason))
