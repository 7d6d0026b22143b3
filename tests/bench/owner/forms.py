"""The forms in which an owner may have a data set of twelve pictures: each writes it into a folder, and returns it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict
from datasets import Image as ImageFeature

from tests.bench.owner import files

COUNT = 12
NAMES = [f"{number}.{'jpg' if number % 3 else 'png'}" for number in range(COUNT)]
DATA = [files.encode(files.picture(seed=i), "JPEG" if i % 3 else "PNG") for i in range(COUNT)]
ROWS: list[dict[str, Any]] = [
    {"file_name": f"pictures/{name}", "question": "What is this?", "answer": f"thing {i % 3}"}
    for i, name in enumerate(NAMES)
]


def _write(folder: Path, table: str, content: str, place: str = "pictures") -> Path:
    files.write(folder, {f"{place}/{name}": data for name, data in zip(NAMES, DATA, strict=True)})
    (folder / table).write_text(content, encoding="utf-8")
    return folder


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def jsonl(folder: Path) -> Path:
    """JSON lines, with a decimal as answer and a list of answers."""
    rows = [{**ROWS[0], "answer": 0.5, "id": 7}, {**ROWS[1], "answers": ["thing 1", "other"], "id": "b"}]
    return _write(
        folder, "metadata.jsonl", _lines([*rows, *({**row, "id": f"r{i}"} for i, row in enumerate(ROWS[2:]))])
    )


def comma(folder: Path, delimiter: str = ",", table: str = "metadata.csv") -> Path:
    """CSV with a comma and a line break in a question."""
    _write(folder, table, "")
    with (folder / table).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["question", "file_name", "answer"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows({**row, "question": "Here, then:\nwhat is this?"} for row in ROWS)
    return folder


def tab_file(folder: Path) -> Path:
    """A TSV of another name, given itself."""
    return comma(folder, "\t", "captions.tsv") / "captions.tsv"


def conversations(folder: Path) -> Path:
    """A JSON list as LLaVA has it, given itself."""
    rows = [
        {"id": i, "image": row["file_name"], "conversations": [
            {"from": "human", "value": f"<image>\n{row['question']}"}, {"from": "gpt", "value": row["answer"]}]}
        for i, row in enumerate(ROWS)
    ]  # fmt: skip
    return _write(folder, "llava.json", json.dumps(rows)) / "llava.json"


def choices(folder: Path) -> Path:
    """Questions with options, one of which has them in its text."""
    rows = [{**row, "choices": "thing 0|thing 1|thing 2"} for row in ROWS]
    rows[0]["question"] += "\nA. thing 0\nB. thing 1\nC. thing 2"
    return _write(folder, "metadata.jsonl", _lines(rows))


def splits(folder: Path) -> Path:
    """A folder with a table for each split; a table names a picture beside its folder."""
    parts = {"train": ROWS[:6], "test": ROWS[6:]}
    _write(folder, "LICENSE", "mine")
    for split, rows in parts.items():
        (folder / split).mkdir()
        moved = [{**row, "file_name": f"../{row['file_name']}"} for row in rows]
        (folder / split / "metadata.jsonl").write_text(_lines(moved))
    return folder


def _dataset(first: int = 0, last: int = COUNT) -> Dataset:
    columns = {key: [row[key] for row in ROWS[first:last]] for key in ("question", "answer")}
    images = [{"bytes": data, "path": name} for data, name in zip(DATA, NAMES, strict=True)][first:last]
    return Dataset.from_dict({**columns, "image": images}).cast_column("image", ImageFeature())


def parquet(folder: Path) -> Path:
    """A Parquet file with pictures inside."""
    folder.mkdir()
    _dataset().to_parquet(folder / "pets.parquet")
    return folder / "pets.parquet"


def parquet_paths(folder: Path) -> Path:
    """A Parquet file with paths of pictures."""
    _write(folder, "notes.txt", "")
    rows = {key: [row[key] for row in ROWS] for key in ROWS[0]}
    Dataset.from_dict(rows).rename_column("file_name", "image").to_parquet(folder / "pets.parquet")
    return folder / "pets.parquet"


def saved(folder: Path) -> Path:
    """What `save_to_disk` writes of a data set."""
    _dataset().save_to_disk(folder)
    return folder


def saved_splits(folder: Path) -> Path:
    """What `save_to_disk` writes of two splits."""
    DatasetDict({"train": _dataset(0, 6), "test": _dataset(6)}).save_to_disk(folder)
    return folder


FORMS: dict[str, Callable[[Path], Path]] = {
    form.__name__: form
    for form in (jsonl, comma, tab_file, conversations, choices, splits, parquet, parquet_paths, saved, saved_splits)
}


def coco(folder: Path) -> Path:
    """COCO captions."""
    images = [{"id": i, "file_name": name, "width": 60.5} for i, name in enumerate(NAMES)]
    notes = [{"id": 9 + i, "image_id": i, "caption": f"a thing {i % 3}", "bbox": [0.25]} for i in range(COUNT)]
    return (
        _write(folder, "captions.json", json.dumps({"info": {}, "images": images, "annotations": notes}), "images")
        / "captions.json"
    )
