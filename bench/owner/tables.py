"""Tables of a protected folder, in the form that the owner's have: CSV, TSV, JSON lines, a JSON list or COCO captions.

Rows that are left out are not in them. Parquet files and saved data sets are in `arrow.py`.
"""

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.datasets.own.rows import RawDataset, RawRow
from bench.datasets.own.tables import DecimalText
from bench.owner import arrow
from bench.owner.cells import Edit, edit_cells

Edits = Callable[[int], Edit | None]
"""Gives the changes of a row, by its number counted from 0; None for a row that is left out."""


BYTES = "surrogateescape"
"""Reads bytes that are not UTF-8, in cells that nobody checks, as they are written again."""

DECIMAL = "\ud8ff"
"""Stands before a decimal until it is written; half a character, which no text of a row has."""


def list_tables(dataset: RawDataset, root: Path) -> list[str]:
    """Return the files that hold the rows, and what belongs to them, relative to the root."""
    if dataset.tables:
        return [str(file.relative_to(root)) for file in dataset.tables.values()]
    return arrow.list_saved(root)


def stamp_table(file: Path) -> tuple[int, int]:
    """Return the size of a file and the time of its last change."""
    fact = file.stat()
    return fact.st_size, fact.st_mtime_ns


def write_tables(dataset: RawDataset, root: Path, target: Path, edits: Edits) -> None:
    """Write every table of a data set below `target`, under its name, with the changes of its rows."""
    if not dataset.tables:
        return arrow.write_saved(root, target, edits)
    for split, file in dataset.tables.items():
        new = target / file.relative_to(root)
        new.parent.mkdir(parents=True, exist_ok=True)
        ending = file.suffix.casefold()
        if ending == ".parquet":
            arrow.write_parquet(file, new, edits)
        elif ending == ".json":
            _write_json(dataset, split, file, new, edits)
        else:
            rows = _edited_rows(dataset, split, edits)
            if ending == ".jsonl":
                with new.open("w", encoding="utf-8", errors=BYTES) as stream:
                    stream.writelines(_to_json(cells) + "\n" for cells in rows)
            else:
                _write_csv(new, rows, file, "\t" if ending == ".tsv" else ",")


def _edited_rows(dataset: RawDataset, split: str, edits: Edits) -> Iterator[dict[str, Any]]:
    for number, raw in enumerate(dataset.rows()):
        edit = edits(number)
        if edit is not None and isinstance(raw, RawRow) and raw.split == split:
            yield edit_cells(raw, edit)


def _write_csv(new: Path, rows: Iterator[dict[str, Any]], file: Path, delimiter: str) -> None:
    """Write rows with the header, the byte order mark and the ends of lines that a file has."""
    with file.open("rb") as raw:
        coding = "utf-8-sig" if raw.read(3) == codecs.BOM_UTF8 else "utf-8"
    with file.open(encoding="utf-8-sig", errors=BYTES, newline="") as original:
        first = original.readline()
    header = next(csv.reader([first], delimiter=delimiter))
    end = "\r\n" if first.endswith("\r\n") else "\n"
    with new.open("w", encoding=coding, errors=BYTES, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator=end)
        writer.writerow(header)
        writer.writerows([cells[column] for column in header] for cells in rows)


def _write_json(dataset: RawDataset, split: str, file: Path, new: Path, edits: Edits) -> None:
    """Write a JSON list, or COCO captions with the images that are left and their annotations."""
    content = json.loads(file.read_text(encoding="utf-8-sig", errors=BYTES))
    if isinstance(content, list):
        content = list(_edited_rows(dataset, split, edits))
    else:
        changes = _edits_by_id(dataset, split, edits)
        kept = [(image, changes.get(str(image["id"]))) for image in content["images"]]
        images = [{**image, "file_name": _renamed(image["file_name"], edit)} for image, edit in kept if edit]
        ids = {str(image["id"]) for image in images}
        notes = [note for note in content["annotations"] if str(note["image_id"]) in ids]
        content = {**content, "images": images, "annotations": notes}
    new.write_text(_to_json(content, indent=1) + "\n", encoding="utf-8", errors=BYTES)


def _to_json(content: Any, indent: int | None = None) -> str:
    """Return content as JSON, its decimals as they were written: an answer of 1.50 is asked for as 1.50."""
    text = json.dumps(_mark_decimals(content), ensure_ascii=False, indent=indent)
    return re.sub(f'"{DECIMAL}([^"]*)"', r"\1", text)


def _mark_decimals(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _mark_decimals(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_mark_decimals(value) for value in content]
    return DECIMAL + content if isinstance(content, DecimalText) else content


def _edits_by_id(dataset: RawDataset, split: str, edits: Edits) -> dict[str, Edit]:
    """Return the changes of each image of COCO captions that is left, by its id."""
    rows = ((edits(number), raw) for number, raw in enumerate(dataset.rows()))
    return {str(raw.cells["id"]): edit for edit, raw in rows if edit and isinstance(raw, RawRow) and raw.split == split}


def _renamed(name: str, edit: Edit) -> str:
    folder, slash, _ = name.rpartition("/")
    return f"{folder}{slash}{edit.name}" if edit.name else name
