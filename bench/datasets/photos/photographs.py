"""The committed photographs (public domain and CC0, from gcompris-qt-data), and the split that each is in."""

from collections import Counter
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench.datasets.picture_tables import read_pictures

SPLIT_SEED = 2605
DEAL_ORDER = ("train", "test", "train", "validation", "train", "test")
"""The splits that photographs of a kind are dealt to in turn: half to train, a sixth to choose by, a third to test."""

FREQUENT = 4
"""A name is asked for only if at least this many photographs share it: a rarer name could not be learned."""


class Photograph(NamedTuple):
    """A photograph, RGB, at most 128 pixels wide and high.

    kind, name and caption say what it shows. subject: the very same thing shown by several photographs, else empty.
    author, source (an address) and licence come from the package's README files.
    """

    file: str
    title: str
    kind: str
    name: str
    caption: str
    subject: str
    author: str
    source: str
    licence: str
    picture: Image.Image


@cache
def photographs() -> tuple[Photograph, ...]:
    """Return all 228 photographs, sorted by file."""
    rows = read_pictures(Path(__file__).with_name("photos.parquet"), Photograph._fields[:-1], "webp", "RGB")
    return tuple(Photograph(**texts, picture=picture) for texts, picture in rows)


@cache
def frequent_names() -> frozenset[str]:
    """Return the names that at least FREQUENT photographs share."""
    counts = Counter(photo.name for photo in photographs())
    return frozenset(name for name, count in counts.items() if count >= FREQUENT)


@cache
def split_by_file() -> dict[str, str]:
    """Return the split of each photograph by its file. All photographs of one subject are in the same split.

    The subjects are sorted by kind and frequent name, shuffled within those, and dealt to the splits in DEAL_ORDER.
    """
    subjects: dict[str, list[Photograph]] = {}
    for photo in photographs():
        subjects.setdefault(photo.subject or photo.file, []).append(photo)
    shuffle = np.random.default_rng(SPLIT_SEED).permutation(len(subjects))
    order = sorted(
        zip(subjects.values(), shuffle, strict=True), key=lambda item: (item[0][0].kind, _stratum(item[0][0]), item[1])
    )
    dealt = zip(order, cycle(DEAL_ORDER), strict=False)
    return {photo.file: split for (members, _), split in dealt for photo in members}


def _stratum(photo: Photograph) -> str:
    return photo.name if photo.name in frequent_names() else ""
