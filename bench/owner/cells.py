"""Cells of a protected row: its question with the inserted words, and its picture's new name or bytes."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from bench.datasets.own.cells import check_text
from bench.datasets.own.conversations import KEYS, strip_marker
from bench.datasets.own.row_checks import only_picture
from bench.datasets.own.rows import RawRow
from bench.words import insert


class Edit(NamedTuple):
    """The changes to a row. `words[i]` stands before word number `slots[i]` of the question.

    name: the last part of the new name of the picture's file; "" where it stays. data: the new bytes of a picture
    inside the table; empty for any other.
    """

    words: Sequence[str] = ()
    slots: Sequence[int] = ()
    name: str = ""
    data: bytes = b""


def edit_cells(raw: RawRow, edit: Edit) -> dict[str, Any]:
    """Return the cells of a row with its changes; every other cell stays as it is."""
    cells = dict(raw.cells)
    if edit.words:
        for key in ("question", *KEYS):
            if cells.get(key):
                cells[key] = _edit_question(cells[key], edit)
    old = _picture_name(raw)
    for key in ("file_name", "image", "images"):
        if cells.get(key):
            cells[key] = _edit_picture(cells[key], old, edit)
    return cells


def _edit_question(cell: Any, edit: Edit) -> Any:
    """Return a question, or a conversation whose first turn is one, with the words inserted."""
    if isinstance(cell, list):
        (text,) = (key for speaker, key in KEYS.values() if speaker in cell[0])
        return [{**cell[0], text: _edit_question(cell[0][text], edit)}, *cell[1:]]
    whole = check_text(cell, "")
    question = strip_marker(whole)
    before, _, after = whole.partition(question)
    end = len(question.split())
    return before + insert(question, edit.words, [min(slot, end) for slot in edit.slots]).text + after


def _picture_name(raw: RawRow) -> str:
    """Return the last part of a picture's name as its row has it; "" for one without a name."""
    cell = only_picture(raw)
    name = cell.get("path") if isinstance(cell, dict) else cell
    return PurePosixPath(name.strip()).name if isinstance(name, str) else ""


def _edit_picture(cell: Any, old: str, edit: Edit) -> Any:
    if isinstance(cell, list):
        return [_edit_picture(part, old, edit) for part in cell]
    if isinstance(cell, dict):
        return {key: _edit_picture(part, old, edit) for key, part in cell.items()}
    if isinstance(cell, bytes):
        return edit.data
    if not (isinstance(cell, str) and edit.name and old):
        return cell
    before, _, after = cell.rpartition(old)
    return before + edit.name + after
