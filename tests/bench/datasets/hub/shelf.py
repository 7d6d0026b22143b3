"""Small Parquet files with the columns and types that the hub's data sets have, for tests."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from bench.datasets.cards import HUB

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
TEXT, TEXTS, WHOLE = pa.string(), pa.list_(pa.string()), pa.int64()

SCHEMAS = {
    "realworldqa": {"image": PICTURE, "question": TEXT, "answer": TEXT},
    "mmstar": {"index": WHOLE, "question": TEXT, "image": PICTURE, "answer": TEXT, "category": TEXT},
    "scienceqa": {
        **{"image": PICTURE, "question": TEXT, "choices": TEXTS, "answer": pa.int8(), "hint": TEXT, "task": TEXT},
        **{"grade": TEXT, "subject": TEXT, "lecture": TEXT, "solution": TEXT},
    },
    "vqa-rad": {"image": PICTURE, "question": TEXT, "answer": TEXT},
    "textvqa": {"image_id": TEXT, "question_id": WHOLE, "question": TEXT, "image": PICTURE, "answers": TEXTS},
    "docvqa": {
        **{"questionId": TEXT, "question": TEXT, "question_types": TEXTS, "image": PICTURE, "docId": WHOLE},
        **{"ucsf_document_id": TEXT, "ucsf_document_page_no": TEXT, "answers": TEXTS, "data_split": TEXT},
    },
    "flickr8k": {"image": PICTURE, **{f"caption_{n}": TEXT for n in range(5)}},
}
"""The columns in the files of each data set, including those that are not used."""

ANSWERS: dict[str, Callable[[int], dict[str, Any]]] = {
    "realworldqa": lambda n: {"question": f"Question {n}?\nA. one\nB. two", "answer": "AB"[n % 2]},
    "mmstar": lambda n: {"index": n, "question": f"Question {n}?\nOptions: A: one, B: two", "answer": "AB"[n % 2]},
    "scienceqa": lambda n: {"question": f"Question {n}?", "choices": ["one", "two"], "answer": n % 2, "hint": ""},
    "vqa-rad": lambda n: {"question": f"Question {n}?", "answer": ("yes", "no")[n % 2]},
    "textvqa": lambda n: {"question": f"Question {n}?", "answers": [f"word {n}"] * 6 + ["other"] * 4},
    "docvqa": lambda n: {"question": f"Question {n}?", "answers": [f"word {n}", f"words {n}"]},
    "flickr8k": lambda n: {f"caption_{c}": f"Caption {c} of picture {n} ." for c in range(5)},
}


def pixels(seed: int, height: int = 60, width: int = 80) -> np.ndarray:
    """(H, W, 3) uint8: smooth patches of random colours; those of two seeds are not near-duplicates."""
    patches = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))


def encoded(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Encode a picture as a file of some format."""
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


def row(name: str, number: int, picture: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """Return a good row about picture `number`, with changes."""
    data = encoded(pixels(number)) if picture is None else picture
    return {"image": {"bytes": data, "path": None}, **ANSWERS[name](number), **changes}


def write(name: str, file: Path, rows: list[dict[str, Any]]) -> None:
    """Write a Parquet file of rows with the hub's schema."""
    file.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(list(SCHEMAS[name].items()))
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file, row_group_size=7)


def fill(name: str, folder: Path, rows: int = 12) -> dict[str, list[dict[str, Any]]]:
    """Write a copy of a data set with `rows` good rows in each file, about different pictures; return them by file."""
    files = {
        file: [row(name, 1000 * index + number) for number in range(rows)] for index, file in enumerate(HUB[name].files)
    }
    for file, rows_of_file in files.items():
        write(name, folder / file, rows_of_file)
    return files
