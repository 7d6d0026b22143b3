"""Reading the Parquet files of a hub data set: all rows that can be used, and one line for each that cannot."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from bench.datasets import parquet
from bench.datasets.hub.adapter import Adapter, Malformed, RowTexts
from bench.datasets.near_duplicates import perceptual_hash
from bench.datasets.special_tokens import find_special_token
from bench.errors import UserError
from bench.pictures import decode
from bench.progress import Progress
from bench.samples import Sample

MAX_SIDE = 1024
"""Longer sides are reduced to this, in pixels: 1,000 pages of text then take 2.5 GB of memory instead of 11."""

MAX_MALFORMED = 0.02
"""If a larger share of the rows cannot be used, the fault is in the adapter or the copy of the files."""

IMAGE = "image"


class Row(NamedTuple):
    """A row that can be used: its file, its number from 0, the id of its picture, and its texts."""

    file: str
    number: int
    image_id: str
    texts: RowTexts

    @property
    def source(self) -> str:
        """The split of the source that the row's file belongs to."""
        return source_split(self.file)


@dataclass
class HubRows:
    """The rows of all files. `hashes`: by picture id. `pictureless`: rows that have no picture to ask about."""

    rows: list[Row] = field(default_factory=list)
    hashes: dict[str, np.ndarray] = field(default_factory=dict)
    pictureless: int = 0
    malformed: list[str] = field(default_factory=list)


def source_split(file: str) -> str:
    """Return the split that a file's name begins with.

    >>> source_split("data/validation-00000-of-00003.parquet")
    'validation'
    """
    return re.split(r"[-.]", Path(file).name)[0]


def read_rows(files: Mapping[str, Path], adapter: Adapter, progress: Progress) -> HubRows:
    """Read all rows of the files, which are given by their names on the hub.

    Raises UserError for a file that is damaged or lacks a column, and for more than MAX_MALFORMED malformed rows.
    """
    result = HubRows()
    for index, (name, path) in enumerate(files.items()):
        total = _count_rows(name, path, adapter)
        for number, cells in _cells(name, path, adapter):
            if number % parquet.BATCH == 0:
                done = number / max(total, 1)
                progress((index + done) / len(files), f"{len(result.rows)} rows")
            where = f"{name}: row {number}"
            try:
                _add_row(result, name, number, cells, adapter)
            except (Malformed, UserError) as error:
                result.malformed.append(f"{where}: {str(error).removeprefix(f'{where}: ')}")
    total = len(result.rows) + len(result.malformed)
    if len(result.malformed) > MAX_MALFORMED * total or not result.rows:
        raise UserError(
            f"{len(result.malformed)} of {total} rows cannot be used; allowed: at most {MAX_MALFORMED:.0%}; "
            f"the first: {next(iter(result.malformed), 'there is none')}"
        )
    return result


def _add_row(result: HubRows, file: str, number: int, cells: dict[str, Any] | UserError, adapter: Adapter) -> None:
    """Add a row to the `result`. Raises Malformed or UserError if it cannot be used."""
    if isinstance(cells, UserError):
        raise cells
    texts = adapter.read(cells)
    if texts is None:
        result.pictureless += 1
        return
    for key, text in (("question", texts.question), ("answer", texts.answer)):
        if token := find_special_token(text):
            raise Malformed(f"{key}: {token!r} is a special token of some models; allowed: text without such tokens")
    data = _picture_file(cells)
    image_id = hashlib.sha256(data).hexdigest()[:16]
    if image_id not in result.hashes:
        result.hashes[image_id] = perceptual_hash(decode(data, f"{file}: row {number}"))
    result.rows.append(Row(file, number, image_id, texts))


def _picture_file(cells: dict[str, Any]) -> bytes:
    cell = cells[IMAGE]
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(data, bytes) or not data:
        raise Malformed(f"{IMAGE}: there is none; allowed: the bytes of a picture")
    return data


def _count_rows(name: str, path: Path, adapter: Adapter) -> int:
    """Return the number of rows of a file. Raises UserError for one that is damaged or lacks a column."""
    with parquet.refuse_damage(name), pq.ParquetFile(path) as table:
        names = table.schema_arrow.names
        missing = {IMAGE, *adapter.columns} - set(names)
        if missing:
            raise UserError(f"{name}: no column {sorted(missing)[0]!r}; it has: {', '.join(names)}")
        return int(table.metadata.num_rows)


def _cells(name: str, path: Path, adapter: Adapter) -> Iterator[tuple[int, dict[str, Any] | UserError]]:
    """Yield the number and the cells of each row, or what is wrong with them.

    Raises UserError for a damaged file, and for one that unfolds to too much.
    """
    number = unfolded = 0
    most = max(parquet.MAX_UNFOLDED, parquet.MAX_RATIO * path.stat().st_size)
    for batch in parquet.read_batches(path, name, [IMAGE, *adapter.columns]):
        for index in range(batch.num_rows):
            where = f"{name}: row {number}"
            try:
                cells = {
                    key: parquet.read_cell(batch.column(key)[index], f"{where}: {key}", lambda value: value.as_py())
                    for key in batch.schema.names
                }
                unfolded += parquet.size_of(cells)
                yield number, cells
            except UnicodeDecodeError:
                yield number, UserError(f"{where}: text that is not UTF-8")
            except UserError as error:
                yield number, error
            number += 1
            if unfolded > most:
                raise parquet.bomb(name, unfolded)


def read_samples(
    files: Mapping[str, Path], adapter: Adapter, rows: Sequence[Row], prefix: str, progress: Progress
) -> Iterator[Sample]:
    """Yield the samples of the `rows` in the order of the files. Pictures are decoded again and reduced to MAX_SIDE."""
    by_place = {(row.file, row.number): row for row in rows}
    done, image_id, pixels = 0, "", np.empty(0)
    for name in dict.fromkeys(row.file for row in rows):
        for number, cells in _cells(name, files[name], adapter):
            row = by_place.get((name, number))
            if row is None or isinstance(cells, UserError):
                continue
            if row.image_id != image_id:  # rows about one picture mostly follow one another
                image_id, pixels = row.image_id, shrink(decode(_picture_file(cells), f"{name}: row {number}"))
            shard = re.findall(r"-(\d+)-of-", name)[:1]
            id_ = "-".join([prefix, row.source, *shard, f"{number:05d}"])
            yield Sample(id_, row.image_id, pixels, **vars(row.texts))
            done += 1
            progress(done / len(rows), f"{done} of {len(rows)} samples")


def shrink(pixels: np.ndarray) -> np.ndarray:
    """Return the (H, W, 3) uint8 pixels, reduced so that no side is longer than MAX_SIDE."""
    height, width = pixels.shape[:2]
    scale = MAX_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
