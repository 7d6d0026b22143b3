"""`bench data prepare`: turn a hub data set's Parquet files into one Arrow data set for each split.

The result appears as a whole or not at all.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import datasets

from bench.datasets import hub_store
from bench.datasets.cards import HUB
from bench.datasets.fetch import fetch_files
from bench.datasets.hub.adapter import Adapter
from bench.datasets.hub_rows import HubRows, Row, read_rows, read_samples
from bench.datasets.splits import SEED, SPLITS, Assignment, Picture, Split, assign
from bench.progress import Progress
from bench.samples import encode_png
from bench.store import checksums

MAX_LISTED = 20
"""The manifest lists at most this many malformed rows, and counts them all."""

ShowProgress = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a title."""

FEATURES = datasets.Features(
    {key: datasets.Value("string") for key in ("id", "image_id", "question", "answer", "rule")}
    | {key: datasets.List(datasets.Value("string")) for key in ("answers", "choices")}
    | {"image": datasets.Image()}
)


def prepare_dataset(name: str, copy: Path | None, revision: str | None, show: ShowProgress) -> dict[str, Any]:
    """Fetch, read, divide and write a data set of the hub. Returns its manifest.

    Raises UserError for files that are missing or wrong. An earlier prepared version stays until the new one is whole.
    """
    adapter = hub_store.load_adapter(name)
    with show("fetch") as progress:
        files, revision = fetch_files(name, copy, revision, progress)
    with show("read") as progress:
        content = read_rows(files, adapter, progress)
    assignment = divide(content, adapter)
    draft = hub_store.folder(name).with_name(f".{name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        counts = {}
        for split in SPLITS:
            rows = [row for row in content.rows if assignment.split.get((row.image_id, row.source)) == split]
            with show(f"write {split}") as progress:
                write(rows, files, adapter, name, draft / split, progress)
            counts[split] = {"samples": len(rows), "pictures": len({row.image_id for row in rows})}
        report = _report(name, revision, content, assignment, counts)
        checksums.seal(draft, report)
        _publish(draft, hub_store.folder(name))
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return report


def divide(content: HubRows, adapter: Adapter) -> Assignment:
    """Assign every picture to a split."""
    counts = Counter((row.image_id, row.source) for row in content.rows)
    pictures = [Picture(id_, source, content.hashes[id_], count) for (id_, source), count in counts.items()]
    return assign(pictures, adapter.roles)


def write(
    rows: list[Row], files: Mapping[str, Path], adapter: Adapter, name: str, folder: Path, progress: Progress
) -> None:
    """Write the rows as an Arrow data set, with one sample in memory at a time."""

    def columns() -> Iterator[dict[str, Any]]:
        for sample in read_samples(files, adapter, rows, name, progress):
            texts = {key: value for key, value in vars(sample).items() if key != "pixels"}
            yield {**texts, "image": {"bytes": encode_png(sample.pixels), "path": None}}

    datasets.disable_progress_bars()  # `progress` already shows one
    cache = folder.with_name(f"{folder.name}.cache")
    table = datasets.Dataset.from_generator(
        columns, features=FEATURES, cache_dir=str(cache), fingerprint=f"{name}-{folder.name}"
    )
    table.save_to_disk(str(folder))
    shutil.rmtree(cache)


def _report(
    name: str, revision: str, content: HubRows, assignment: Assignment, counts: Mapping[Split, dict[str, int]]
) -> dict[str, Any]:
    card = HUB[name]
    return {
        "name": name,
        "repo": card.repo,
        "revision": revision,
        "licence": card.licence,
        "rule": hub_store.source_hash(name),
        "seed": SEED,
        "rows": len(content.rows),
        "pictures": len(content.hashes),
        "pictureless": content.pictureless,
        "malformed": len(content.malformed),
        "malformed rows": content.malformed[:MAX_LISTED],
        "near duplicates dropped": dict(assignment.dropped),
        "splits": counts,
    }


def _publish(draft: Path, place: Path) -> None:
    """Replace `place` by `draft` with two renames. Between them nothing is in place, and never a part of the data."""
    if place.exists():
        old = draft.with_name(f"{draft.name}.old")
        place.rename(old)
        draft.rename(place)
        shutil.rmtree(old)
    else:
        draft.rename(place)
