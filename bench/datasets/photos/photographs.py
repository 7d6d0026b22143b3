"""The committed photographs (public domain and CC0, from gcompris-qt-data), and which split each is in."""

import io
from collections import Counter
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

SPLIT_SEED = 2605
DEALT = ("train", "test", "train", "validation", "train", "test")
"""How the photographs of one kind are dealt: half to train on, a sixth to choose by, a third to judge by."""

OFTEN = 4
"""A name is asked for where at least as many photographs have it: else nobody could know it from others."""


class Photograph(NamedTuple):
    """A photograph, RGB, at most 128 pixels wide and high.

    kind, name and caption say what it shows. subject: what several photographs show of the very same thing, else
    empty. author, source (an address) and licence are those of the package's README files.
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
    """All 228 photographs, sorted by file."""
    table = pd.read_parquet(Path(__file__).with_name("photos.parquet"))
    rows = table[[*Photograph._fields[:-1], "webp"]].to_numpy().tolist()
    return tuple(Photograph._make([*texts, Image.open(io.BytesIO(webp)).convert("RGB")]) for *texts, webp in rows)


@cache
def frequent_names() -> frozenset[str]:
    """Names that recur."""
    return frozenset(name for name, n in Counter(photo.name for photo in photographs()).items() if n >= OFTEN)


@cache
def split_of() -> dict[str, str]:
    """File -> train, validation or test. All photographs of one subject are in the same.

    The things are put in order of kind and name, those of one name by chance, and dealt out one after the other.
    """
    things: dict[str, list[Photograph]] = {}
    for photo in photographs():
        things.setdefault(photo.subject or photo.file, []).append(photo)
    luck = np.random.default_rng(SPLIT_SEED).permutation(len(things))
    order = sorted(zip(things.values(), luck, strict=True), key=lambda t: (t[0][0].kind, _stratum(t[0][0]), t[1]))
    return {photo.file: split for (members, _), split in zip(order, cycle(DEALT), strict=False) for photo in members}


def _stratum(photo: Photograph) -> str:
    return photo.name if photo.name in frequent_names() else ""
