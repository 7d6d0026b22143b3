"""A few pictures of each published release, before and after: chosen for export, and read with distrust."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.datasets.cards import EMBEDDED
from bench.errors import UserError, printable
from bench.pictures import open_picture
from bench.results.rows import Run
from bench.samples import Sample, SampleSet, encode_png

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 6
"""Pictures of a release."""

SHOWN_AGAIN = 1
"""Pictures of a release that a later seed than 0 made: it looks like that of seed 0."""

MAX_SHOWN = 24
"""Pictures of a release, or of the data before it, that are read."""

MAX_BYTES = 7 * 10**6
"""Bytes of all pictures."""

MAX_PIXELS = 1024 * 1024
"""Pixels of a picture."""

MAX_ROWS = 10_000
MAX_TEXT = 4096
"""Bytes of a question or an answer."""

IDENTITY = re.compile(r"[0-9a-f]{16}")

LoadSamples = Callable[[str], Sequence[Sample] | None]
"""Returns the samples of a release, or of the data before it, by its identity; None where they are missing."""


def build_schema() -> "pa.Schema":
    """Return the columns: the identity of what a sample is of, the sample, and its picture as PNG."""
    import pyarrow as pa

    texts = [pa.field(name, pa.string(), False) for name in ("artefact", "id", "image_id", "question", "answer")]
    return pa.schema([*texts, pa.field("picture", pa.binary(), False)])


def collect(runs: Sequence[Run], load: LoadSamples) -> "pa.Table":
    """Return the gallery of some runs: `SHOWN` pictures of each release, spread over those that `load` finds.

    Only data sets that come with the suite have one: others may not be shown to everybody. A release of a later seed
    has `SHOWN_AGAIN`. Where not all pictures fit in `MAX_BYTES`, every release has fewer.
    """
    import pyarrow as pa

    shown = [run for run in runs if run.dataset in EMBEDDED and {"original", "protect"} <= run.stages.keys()]
    pairs = sorted({(run.stages["protect"], run.stages["original"]) for run in shown})
    of_seed_0 = {run.stages["protect"] for run in shown if run.seed == 0}
    listed = [
        _pair_samples((original, release), SHOWN if release in of_seed_0 else SHOWN_AGAIN, load)
        for release, original in pairs
    ]
    chosen: dict[tuple[str, str], dict[str, Any]] = {}
    size = 0
    for entries in zip_longest(*listed):
        for rows in filter(None, entries):
            new = {(row["artefact"], row["id"]): row for row in rows}
            new = {key: row for key, row in new.items() if key not in chosen}
            more = sum(len(row["picture"]) for row in new.values())
            if size + more <= MAX_BYTES:
                size += more
                chosen |= new
    return pa.Table.from_pylist([chosen[key] for key in sorted(chosen)], build_schema())


def _pair_samples(identities: tuple[str, str], count: int, load: LoadSamples) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each chosen sample, before and after the release; nothing where either is missing."""
    original, released = map(load, identities)
    if not original or not released:
        return
    after = {sample.id: sample for sample in released}
    distinct = list({sample.image_id: sample for sample in reversed(original)}.values())[::-1]
    both = [(before, after[before.id]) for before in distinct if before.id in after]
    small = [pair for pair in both if max(s.shape[0] * s.shape[1] for s in pair) <= MAX_PIXELS]
    for place in np.linspace(0, len(small) - 1, min(count, len(small))).round().astype(int):
        yield [_row(*pair) for pair in zip(identities, small[place], strict=True)]


def _row(identity: str, sample: Sample) -> dict[str, Any]:
    texts = {"id": sample.id, "image_id": sample.image_id, "question": sample.question, "answer": sample.answer}
    return {"artefact": identity, **texts, "picture": encode_png(sample.pixels)}


def index(table: "pa.Table") -> tuple[dict[str, list[int]], list[str]]:
    """Return the numbers of the rows of each release whose rows are right, and what is wrong with the others.

    Of a picture only the header is read.
    """
    if len(table) > MAX_ROWS:
        return {}, [f"{len(table)} rows; allowed: {MAX_ROWS}"]
    texts = {name: table[name].cast("binary").to_pylist() for name in table.column_names[:-1]}
    rows: dict[str, list[int]] = {}
    faults: dict[str, str] = {}
    for number, artefact in enumerate(texts["artefact"]):
        name = artefact[:40].decode(errors="replace")
        fault = _find_fault({key: cells[number] for key, cells in texts.items()}, table["picture"][number].as_py())
        rows.setdefault(name, []).append(number)
        if len(rows[name]) > MAX_SHOWN:
            fault = f"more than {MAX_SHOWN} pictures"
        if fault:
            faults.setdefault(name, fault)
    right = {name: numbers for name, numbers in rows.items() if name not in faults}
    return right, [f"release {printable(name)!r} is left out: {fault}" for name, fault in faults.items()]


def _find_fault(texts: dict[str, bytes], picture: bytes) -> str:
    """Return what is wrong with a row, or ""."""
    for name, cell in texts.items():
        if len(cell) > MAX_TEXT:
            return f"{name}: {len(cell)} bytes; allowed: {MAX_TEXT}"
        try:
            cell.decode()
        except UnicodeDecodeError:
            return f"{name}: not UTF-8"
    if not IDENTITY.fullmatch(texts["artefact"].decode()):
        return "artefact: allowed: 16 hexadecimal digits"
    try:
        with open_picture(picture, "picture", ("PNG",)) as header:
            if header.mode != "RGB" or header.width * header.height > MAX_PIXELS:
                return f"picture: {header.mode}, {header.width}x{header.height}; allowed: RGB, {MAX_PIXELS} pixels"
    except UserError as error:
        return str(error)
    return ""


def read(table: "pa.Table", rows: Sequence[int]) -> SampleSet:
    """Return the samples of some rows that `index` found right. Raises UserError for a picture that is damaged."""

    def read_sample(row: dict[str, Any]) -> Sample:
        with open_picture(row["picture"], "picture", ("PNG",)) as picture:
            pixels = np.asarray(picture)
        return Sample(row["id"], row["image_id"], pixels, row["question"], row["answer"])

    return SampleSet(tuple(map(read_sample, table.take(list(rows)).to_pylist())))
