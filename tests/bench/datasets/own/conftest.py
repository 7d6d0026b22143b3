"""A small data set of your own, in every format."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

Rows = list[dict[str, Any]]
Write = Callable[..., Path]


def drawn(number: int) -> bytes:
    """Draw a PNG that is like no other."""
    coarse = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((40, 36), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = [drawn(number) for number in range(60)]


@pytest.fixture
def rows() -> Rows:
    """Forty rows of the plainest kind, each with the bytes of its picture."""
    return [{"question": f"What is {n}?", "answer": f"thing {n}", "image": PICTURES[n]} for n in range(40)]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes rows, or rows by split, in a format under a name, and returns the path."""

    def written(form: str, rows: Rows | dict[str, Rows], name: str = "pets") -> Path:
        parts = {split: _even(part) for split, part in (rows if isinstance(rows, dict) else {"": rows}).items()}
        place = tmp_path / name
        if form in ("jsonl", "csv"):
            for split, part in parts.items():
                _folder(place / split, form, part)
        elif form == "parquet":
            place = place.with_suffix(".parquet")
            pq.write_table(pa.Table.from_pylist(parts[""]), place, row_group_size=7)
        else:
            tables = {split: datasets.Dataset.from_list(part) for split, part in parts.items()}
            if form == "saved pictures":
                tables = {split: table.cast_column("image", datasets.Image()) for split, table in tables.items()}
            (tables[""] if "" in tables else datasets.DatasetDict(tables)).save_to_disk(str(place))
        return place

    return written


def _even(rows: Rows) -> Rows:
    """Give every row every key: tables take their columns from the first row."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key) for key in keys} for row in rows]


def _folder(place: Path, form: str, rows: Rows) -> None:
    (place / "some").mkdir(parents=True)
    records = []
    for number, row in enumerate(rows):
        cells = {key: value for key, value in row.items() if key != "image"}
        if row["image"]:
            cells["file_name"] = f"some/{number}.png"
            (place / cells["file_name"]).write_bytes(row["image"])
        records.append(cells)
    if form == "jsonl":
        lines = "".join(json.dumps(cells, ensure_ascii=False) + "\n" for cells in records)
        (place / "metadata.jsonl").write_text(lines, encoding="utf-8")
        return
    with (place / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(dict.fromkeys(key for cells in records for key in cells)))
        table.writeheader()
        for cells in records:
            table.writerow({key: "|".join(v) if isinstance(v, list) else v for key, v in cells.items()})
