"""The committed pictures (Fluent Emoji 3D, MIT), and the seeded split into owner's and pretraining concepts."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench.datasets.picture_tables import read_pictures

OWNER_CONCEPTS = 96
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
def owner_indices() -> tuple[int, ...]:
    """Return the indices of the owner's concepts: no embedded victim saw them in pretraining."""
    rng = np.random.default_rng(SPLIT_SEED)
    return tuple(sorted(int(i) for i in rng.choice(len(concepts()), OWNER_CONCEPTS, replace=False)))


@cache
def pretraining_indices() -> tuple[int, ...]:
    """Return the indices of the concepts that embedded victims are pretrained on: all but the owner's."""
    owner = set(owner_indices())
    return tuple(i for i in range(len(concepts())) if i not in owner)
