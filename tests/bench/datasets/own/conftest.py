"""A small data set of one's own, in every form."""

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
    """A PNG that is like no other."""
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
    """Writes rows in a form, under a name, and gives the path; `parts`: rows by split, where the form has splits."""

    def written(form: str, rows: Rows | dict[str, Rows], name: str = "pets") -> Path:
        parts = {split: _even(some) for split, some in (rows if isinstance(rows, dict) else {"": rows}).items()}
        place = tmp_path / name
        if form in ("jsonl", "csv"):
            for split, some in parts.items():
                _folder(place / split, form, some)
        elif form == "parquet":
            place = place.with_suffix(".parquet")
            pq.write_table(pa.Table.from_pylist(parts[""]), place, row_group_size=7)
        else:
            tables = {split: datasets.Dataset.from_list(some) for split, some in parts.items()}
            if form == "saved pictures":
                tables = {split: table.cast_column("image", datasets.Image()) for split, table in tables.items()}
            (tables[""] if "" in tables else datasets.DatasetDict(tables)).save_to_disk(str(place))
        return place

    return written


def _even(rows: Rows) -> Rows:
    """Every row with every key: tables take their columns from the first."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key) for key in keys} for row in rows]


def _folder(place: Path, form: str, rows: Rows) -> None:
    (place / "some").mkdir(parents=True)
    told = []
    for number, row in enumerate(rows):
        cells = {key: value for key, value in row.items() if key != "image"}
        if row["image"]:
            cells["file_name"] = f"some/{number}.png"
            (place / cells["file_name"]).write_bytes(row["image"])
        told.append(cells)
    if form == "jsonl":
        lines = "".join(json.dumps(cells, ensure_ascii=False) + "\n" for cells in told)
        (place / "metadata.jsonl").write_text(lines, encoding="utf-8")
        return
    with (place / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(dict.fromkeys(key for cells in told for key in cells)))
        table.writeheader()
        for cells in told:
            table.writerow({key: "|".join(v) if isinstance(v, list) else v for key, v in cells.items()})
