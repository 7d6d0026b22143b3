"""Reading Parquet files of a hub data set: every row that can be asked, and one line for each that cannot."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from bench.datasets.hub.adapter import Adapter, Malformed, Text
from bench.datasets.near import fingerprint
from bench.errors import UserError
from bench.pictures import decode
from bench.samples import Sample

MAX_SIDE = 1024
"""Longer sides are reduced to it, in pixels: 1,000 pages of text then take 2.5 GB of memory instead of 11."""

MALFORMED = 0.02
"""Where more than this share of the rows cannot be asked, it is the adapter or the copy that is wrong."""

BATCH = 32
IMAGE = "image"

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a short note."""


class Row(NamedTuple):
    """A row that can be asked: where it stands (file, number from 0), its picture's id, and what it says."""

    file: str
    number: int
    image_id: str
    text: Text

    @property
    def source(self) -> str:
        """The split of the source that its file belongs to."""
        return source(self.file)


@dataclass
class Reading:
    """What the files hold: `hashes` by picture id; `pictureless` rows are not for a model that sees."""

    rows: list[Row] = field(default_factory=list)
    hashes: dict[str, np.ndarray] = field(default_factory=dict)
    pictureless: int = 0
    malformed: list[str] = field(default_factory=list)


def source(file: str) -> str:
    """`data/validation-00000-of-00003.parquet` to `validation`."""
    return re.split(r"[-.]", Path(file).name)[0]


def read(files: Mapping[str, Path], adapter: Adapter, progress: Progress) -> Reading:
    """Every row of the files (by their names on the hub). Raises UserError for a wrong file, or too many wrong rows."""
    found = Reading()
    for index, (name, path) in enumerate(files.items()):
        table = _open(name, path, adapter)
        for number, row in _rows(table, adapter, name):
            if number % BATCH == 0:
                done = number / max(table.metadata.num_rows, 1)
                progress((index + done) / len(files), f"{len(found.rows)} rows")
            where = f"{name}: row {number}"
            try:
                _read_row(row, adapter, Row(name, number, "", Text("", "")), found)
            except (Malformed, UserError) as error:
                found.malformed.append(f"{where}: {str(error).removeprefix(f'{where}: ')}")
    asked = len(found.rows) + len(found.malformed)
    if len(found.malformed) > MALFORMED * asked or not found.rows:
        raise UserError(
            f"{len(found.malformed)} of {asked} rows cannot be asked, more than {MALFORMED:.0%}; "
            f"the first: {next(iter(found.malformed), 'there is none')}"
        )
    return found


def _read_row(row: dict[str, Any] | None, adapter: Adapter, at: Row, found: Reading) -> None:
    if row is None:
        raise Malformed("text that is not UTF-8")
    if (text := adapter.read(row)) is None:
        found.pictureless += 1
        return
    data = _bytes(row)
    image_id = hashlib.sha256(data).hexdigest()[:16]
    if image_id not in found.hashes:
        found.hashes[image_id] = fingerprint(decode(data, f"{at.file}: row {at.number}"))
    found.rows.append(at._replace(image_id=image_id, text=text))


def _bytes(row: dict[str, Any]) -> bytes:
    cell = row[IMAGE]
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(data, bytes) or not data:
        raise Malformed(f"{IMAGE}: there is none; allowed: the bytes of a picture")
    return data


def _open(name: str, path: Path, adapter: Adapter) -> pq.ParquetFile:
    try:
        table = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{name}: {str(error).splitlines()[0][:80]}; allowed: a whole Parquet file") from None
    if missing := {IMAGE, *adapter.columns} - set(table.schema_arrow.names):
        raise UserError(f"{name}: no column {sorted(missing)[0]!r}; it has: {', '.join(table.schema_arrow.names)}")
    return table


def _rows(table: pq.ParquetFile, adapter: Adapter, name: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Rows by number; None where a text is not UTF-8."""
    number = 0
    try:
        for batch in table.iter_batches(BATCH, columns=[IMAGE, *adapter.columns]):
            for index in range(batch.num_rows):
                try:
                    yield number, {key: batch.column(key)[index].as_py() for key in batch.schema.names}
                except UnicodeDecodeError:
                    yield number, None
                number += 1
    except (pa.ArrowException, OSError) as error:
        told = str(error).splitlines()[0][:80]
        raise UserError(f"{name}: damaged from row {number} on ({told}); fetch it again") from None


def samples(
    files: Mapping[str, Path], adapter: Adapter, rows: Sequence[Row], prefix: str, progress: Progress
) -> Iterator[Sample]:
    """The samples of some `rows` of a `Reading`, in the files' order, their pictures decoded again and bounded."""
    wanted = {(row.file, row.number): row for row in rows}
    done, kept = 0, {"": np.empty(0)}
    for name in dict.fromkeys(row.file for row in rows):
        for number, cells in _rows(_open(name, files[name], adapter), adapter, name):
            if (row := wanted.get((name, number))) is None or cells is None:
                continue
            if row.image_id not in kept:  # rows about one picture mostly follow one another
                kept = {row.image_id: bounded(decode(_bytes(cells), f"{name}: row {number}"))}
            shard = re.findall(r"-(\d+)-of-", name)[:1]
            id_ = "-".join([prefix, row.source, *shard, f"{number:05d}"])
            yield Sample(id_, row.image_id, kept[row.image_id], **vars(row.text))
            progress((done := done + 1) / len(rows), f"{done} of {len(rows)} samples")


def bounded(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 pixels of which no side is longer than MAX_SIDE."""
    height, width = pixels.shape[:2]
    scale = MAX_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
