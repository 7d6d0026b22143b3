"""Tables of a protected folder, in the form that the owner's have: CSV, TSV, JSON lines, a JSON list or COCO captions.

Rows that are left out are not in them. Parquet files and saved data sets are in `arrow.py`.
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from bench.datasets.own.rows import RawDataset, RawRow
from bench.owner import arrow
from bench.owner.cells import Edit, edit_cells

Edits = Callable[[int], Edit | None]
"""Gives the changes of a row, by its number counted from 0; None for a row that is left out."""


def list_tables(dataset: RawDataset, root: Path) -> list[str]:
    """Return the files that hold the rows, and what belongs to them, relative to the root."""
    if dataset.tables:
        return [str(file.relative_to(root)) for file in dataset.tables.values()]
    return arrow.list_saved(root)


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
            with new.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
                rows = _edited_rows(dataset, split, edits)
                if ending == ".jsonl":
                    stream.writelines(json.dumps(cells, ensure_ascii=False) + "\n" for cells in rows)
                else:
                    _write_csv(stream, rows, file, "\t" if ending == ".tsv" else ",")


def _edited_rows(dataset: RawDataset, split: str, edits: Edits) -> Iterator[dict[str, Any]]:
    for number, raw in enumerate(dataset.rows()):
        edit = edits(number)
        if edit is not None and isinstance(raw, RawRow) and raw.split == split:
            yield edit_cells(raw, edit)


def _write_csv(stream: TextIO, rows: Iterator[dict[str, Any]], file: Path, delimiter: str) -> None:
    with file.open(encoding="utf-8-sig", newline="") as original:
        header = next(csv.reader(original, delimiter=delimiter))
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([cells[column] for column in header] for cells in rows)


def _write_json(dataset: RawDataset, split: str, file: Path, new: Path, edits: Edits) -> None:
    """Write a JSON list, or COCO captions with the images that are left and their annotations."""
    content = json.loads(file.read_text(encoding="utf-8-sig"))
    if isinstance(content, list):
        content = list(_edited_rows(dataset, split, edits))
    else:
        changes = _edits_by_id(dataset, split, edits)
        kept = [(image, changes.get(str(image["id"]))) for image in content["images"]]
        images = [{**image, "file_name": _renamed(image["file_name"], edit)} for image, edit in kept if edit]
        ids = {str(image["id"]) for image in images}
        notes = [note for note in content["annotations"] if str(note["image_id"]) in ids]
        content = {**content, "images": images, "annotations": notes}
    new.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _edits_by_id(dataset: RawDataset, split: str, edits: Edits) -> dict[str, Edit]:
    """Return the changes of each image of COCO captions that is left, by its id."""
    rows = ((edits(number), raw) for number, raw in enumerate(dataset.rows()))
    return {str(raw.cells["id"]): edit for edit, raw in rows if edit and isinstance(raw, RawRow) and raw.split == split}


def _renamed(name: str, edit: Edit) -> str:
    folder, slash, _ = name.rpartition("/")
    return f"{folder}{slash}{edit.name}" if edit.name else name
