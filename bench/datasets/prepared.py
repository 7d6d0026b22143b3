"""Data sets of the hub as `bench data prepare` left them: an Arrow data set a split, and a manifest that seals them."""

import hashlib
import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.datasets.cards import HUB
from bench.errors import UserError
from bench.paths import home
from bench.store import checksums

if TYPE_CHECKING:
    from bench.datasets.hub.adapter import Adapter
    from bench.samples import SampleSet

BENCH = Path(__file__).parent.parent
RULE = ("pictures.py", "datasets/hub/adapter.py", "datasets/near.py", "datasets/reading.py", "datasets/splits.py")
"""The sources besides its adapter that decide what a prepared data set holds."""


def folder(name: str) -> Path:
    """Where a data set is prepared."""
    return home() / "datasets" / name


def adapter(name: str) -> "Adapter":
    """How its rows are read."""
    found: Adapter = importlib.import_module(HUB[name].module).ADAPTER
    return found


@cache
def rule(name: str) -> str:
    """Hash of the adapter's source and of what reads and divides."""
    digest = hashlib.sha256()
    for file in (BENCH.parent / (HUB[name].module.replace(".", "/") + ".py"), *(BENCH / part for part in RULE)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def manifest(name: str) -> dict[str, Any] | None:
    """What was prepared and from what; None where nothing was."""
    try:
        return checksums.parse((folder(name) / checksums.MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    except checksums.Broken as error:
        raise UserError(f"dataset: {name!r} in {folder(name)}: {error}; `bench data prepare {name}` again") from None


def revision(name: str) -> str:
    """The revision that was prepared; the pinned one where none was."""
    found = manifest(name)
    return found["revision"] if found else HUB[name].revision


def require(name: str) -> dict[str, Any]:
    """Its manifest. Raises UserError where it is not prepared, or was with another adapter or split rule."""
    card, found = HUB[name], manifest(name)
    if found is None:
        raise UserError(
            f"dataset: {name!r} ({card.repo}, about {card.megabytes} MB, licence {card.licence}) is not prepared;"
            f" `bench data prepare {name}` does it"
        )
    if found["rule"] != rule(name):
        raise UserError(
            f"dataset: {name!r} was prepared by another version of this benchmark; `bench data prepare {name}` again"
        )
    return found


def load(name: str, split: str) -> "SampleSet":
    """The samples of one split; those about one picture share its pixels."""
    import datasets

    from bench.pictures import decode
    from bench.samples import Sample, SampleSet

    require(name)
    table = datasets.load_from_disk(str(folder(name) / split)).cast_column("image", datasets.Image(decode=False))
    pixels: dict[str, Any] = {}
    samples = []
    for row in table:
        picture, id_ = row.pop("image"), row["image_id"]
        if id_ not in pixels:
            pixels[id_] = decode(picture["bytes"], f"{name}, {split}, {id_}")
        row.update({key: tuple(row[key]) for key in ("answers", "choices")})
        samples.append(Sample(pixels=pixels[id_], **row))
    return SampleSet(tuple(samples))
