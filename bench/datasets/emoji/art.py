"""The committed pictures (Fluent Emoji 3D, MIT), and the seeded split into owner's and pretraining concepts."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench.datasets.emoji.twins import NEAR_TWINS
from bench.datasets.picture_tables import read_pictures

HELD_OUT = 96
SPLIT_SEED = 2605


class Concept(NamedTuple):
    """A thing with a name; `art` is its 96 px RGBA picture."""

    name: str
    category: str
    subcategory: str
    art: Image.Image


@cache
def concepts() -> tuple[Concept, ...]:
    """Return all 1,375 concepts, sorted by name."""
    rows = read_pictures(Path(__file__).with_name("art.parquet"), Concept._fields[:-1], "webp", "RGBA")
    return tuple(Concept(**texts, art=art) for texts, art in rows)


@cache
def held_out_indices() -> tuple[int, ...]:
    """Return the indices of the concepts that no embedded victim was taught in pretraining."""
    rng = np.random.default_rng(SPLIT_SEED)
    return tuple(sorted(int(i) for i in rng.choice(len(concepts()), HELD_OUT, replace=False)))


@cache
def owner_indices() -> tuple[int, ...]:
    """Return the indices of the owner's concepts: those held out, without near-twins of what was taught."""
    return tuple(i for i in held_out_indices() if concepts()[i].name not in NEAR_TWINS)


@cache
def pretraining_indices() -> tuple[int, ...]:
    """Return the indices of the concepts that embedded victims are pretrained on: all but those held out."""
    held_out = set(held_out_indices())
    return tuple(i for i in range(len(concepts())) if i not in held_out)
