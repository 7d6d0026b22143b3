"""The prepared data sets of the hub on disk: one Arrow data set for each split, and a manifest with their checksums."""

import hashlib
import importlib
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.datasets.cards import HUB
from bench.errors import UserError
from bench.paths import home
from bench.store import checksums

if TYPE_CHECKING:
    import numpy as np

    from bench.datasets.hub.adapter import Adapter
    from bench.samples import SampleSet

BENCH = Path(__file__).parent.parent
SHARED_SOURCES = (
    "pictures.py",
    "datasets/hub/adapter.py",
    "datasets/near_duplicates.py",
    "datasets/hub_rows.py",
    "datasets/parquet.py",
    "datasets/parquet_pages.py",
    "datasets/special_tokens.py",
    "datasets/splits.py",
)
"""The source files that decide, besides the adapter, what a prepared data set contains."""


def folder(name: str) -> Path:
    """Return the folder of a prepared data set."""
    return home() / "datasets" / name


def load_adapter(name: str) -> "Adapter":
    """Import the adapter that reads the rows of a data set."""
    adapter: Adapter = importlib.import_module(HUB[name].module).ADAPTER
    return adapter


@cache
def source_hash(name: str) -> str:
    """Return a hash of the source of the adapter and of the code that reads and divides the rows."""
    digest = hashlib.sha256()
    adapter = BENCH.parent / (HUB[name].module.replace(".", "/") + ".py")
    for file in (adapter, *(BENCH / part for part in SHARED_SOURCES)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def load_manifest(name: str) -> dict[str, Any] | None:
    """Return the manifest of a data set: its source and its counts. None if it is not prepared."""
    try:
        return checksums.parse_manifest((folder(name) / checksums.MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    except checksums.BrokenFolder as error:
        raise UserError(f"dataset: {name!r} in {folder(name)}: {error}; `bench data prepare {name}` again") from None


def prepared_revision(name: str) -> str:
    """Return the revision that was prepared, or the pinned one if the data set is not prepared."""
    manifest = load_manifest(name)
    return manifest["revision"] if manifest else HUB[name].revision


def require_prepared(name: str) -> dict[str, Any]:
    """Return the manifest. Raises UserError if the set is not prepared, or was with another adapter or split rule."""
    card, manifest = HUB[name], load_manifest(name)
    if manifest is None:
        raise UserError(
            f"dataset: {name!r} ({card.repo}, about {card.megabytes} MB, licence {card.licence}) is not prepared;"
            f" `bench data prepare {name}` does it"
        )
    if manifest["rule"] != source_hash(name):
        raise UserError(
            f"dataset: {name!r} was prepared by another version of this benchmark; `bench data prepare {name}` again"
        )
    return manifest


def load_split(name: str, split: str) -> "SampleSet":
    """Return the samples of one split. Samples about one picture share it; it is read again when it is asked for.

    Raises UserError as `require_prepared` does.
    """
    import datasets

    from bench.lazy import Picture, PictureCache
    from bench.pictures import decode
    from bench.samples import NOTHING, Sample, SampleSet

    require_prepared(name)
    table = datasets.load_from_disk(str(folder(name) / split)).cast_column("image", datasets.Image(decode=False))
    pictures, cache = dict[str, Picture](), PictureCache()

    def read(number: int) -> "np.ndarray":
        row = table[number]
        return decode(row["image"]["bytes"], f"{name}, {split}, {row['image_id']}")

    samples = []
    for number, row in enumerate(table.remove_columns("image")):
        id_ = row["image_id"]
        if id_ not in pictures:
            pictures[id_] = Picture(partial(read, number), cache)
        row.update({key: tuple(row[key]) for key in ("answers", "choices")})
        samples.append(Sample(pixels=NOTHING, **row).change(pixels=pictures[id_]))
    return SampleSet(tuple(samples))
