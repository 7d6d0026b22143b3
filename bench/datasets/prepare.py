"""`bench data prepare`: from the hub's Parquet files to an Arrow data set a split, whole or not at all."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import datasets

from bench.datasets import prepared
from bench.datasets.cards import HUB
from bench.datasets.fetch import fetch
from bench.datasets.hub.adapter import Adapter
from bench.datasets.reading import Progress, Reading, Row, read, samples
from bench.datasets.splits import SEED, SPLITS, Assignment, Picture, Split, assign
from bench.samples import png
from bench.store import checksums

TOLD = 20
"""So many malformed rows are kept in the manifest, and all are counted."""

Stage = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a title."""

FEATURES = datasets.Features(
    {key: datasets.Value("string") for key in ("id", "image_id", "question", "answer", "rule")}
    | {key: datasets.List(datasets.Value("string")) for key in ("answers", "choices")}
    | {"image": datasets.Image()}
)


def prepare(name: str, copy: Path | None, revision: str | None, stage: Stage) -> dict[str, Any]:
    """Fetch, read, divide and write a data set of the hub; its manifest.

    Raises UserError for files that are missing or wrong. What was prepared before stays until the new is whole.
    """
    adapter = prepared.adapter(name)
    with stage("fetch") as progress:
        files, found = fetch(name, copy, revision, progress)
    with stage("read") as progress:
        reading = read(files, adapter, progress)
    assignment = divide(reading, adapter)
    draft = prepared.folder(name).with_name(f".{name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        counts = {}
        for split in SPLITS:
            rows = [row for row in reading.rows if assignment.split.get((row.image_id, row.source)) == split]
            with stage(f"write {split}") as progress:
                write(rows, files, adapter, name, draft / split, progress)
            counts[split] = {"samples": len(rows), "pictures": len({row.image_id for row in rows})}
        report = _report(name, found, reading, assignment, counts)
        checksums.seal(draft, report)
        _publish(draft, prepared.folder(name))
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return report


def divide(reading: Reading, adapter: Adapter) -> Assignment:
    """The split of every picture of a `Reading`."""
    asked = Counter((row.image_id, row.source) for row in reading.rows)
    pictures = [Picture(id_, source, reading.hashes[id_], count) for (id_, source), count in asked.items()]
    return assign(pictures, adapter.roles)


def write(
    rows: list[Row], files: Mapping[str, Path], adapter: Adapter, name: str, folder: Path, progress: Progress
) -> None:
    """An Arrow data set of the rows, one sample in memory at a time."""

    def columns() -> Iterator[dict[str, Any]]:
        for sample in samples(files, adapter, rows, name, progress):
            texts = {key: value for key, value in vars(sample).items() if key != "pixels"}
            yield {**texts, "image": {"bytes": png(sample.pixels), "path": None}}

    datasets.disable_progress_bars()  # there is one already
    cache = folder.with_name(f"{folder.name}.cache")
    table = datasets.Dataset.from_generator(
        columns, features=FEATURES, cache_dir=str(cache), fingerprint=f"{name}-{folder.name}"
    )
    table.save_to_disk(str(folder))
    shutil.rmtree(cache)


def _report(
    name: str, revision: str, reading: Reading, assignment: Assignment, counts: Mapping[Split, dict[str, int]]
) -> dict[str, Any]:
    card = HUB[name]
    return {
        "name": name,
        "repo": card.repo,
        "revision": revision,
        "licence": card.licence,
        "rule": prepared.rule(name),
        "seed": SEED,
        "rows": len(reading.rows),
        "pictures": len(reading.hashes),
        "pictureless": reading.pictureless,
        "malformed": len(reading.malformed),
        "malformed rows": reading.malformed[:TOLD],
        "near duplicates dropped": dict(assignment.near),
        "splits": counts,
    }


def _publish(draft: Path, place: Path) -> None:
    """Two renames: between them, for a moment, nothing is prepared; never a part of it."""
    if place.exists():
        old = draft.with_name(f"{draft.name}.old")
        place.rename(old)
        draft.rename(place)
        shutil.rmtree(old)
    else:
        draft.rename(place)
