"""The committed pictures (Fluent Emoji 3D, MIT) and the seeded split into owner's and known concepts."""

import io
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

OWNER_CONCEPTS = 96
SPLIT_SEED = 2605


class Concept(NamedTuple):
    """One thing with a name; `art` is its 96 px RGBA picture."""

    name: str
    category: str
    subcategory: str
    art: Image.Image


@cache
def concepts() -> tuple[Concept, ...]:
    """All 1,375 concepts, sorted by name."""
    table = pd.read_parquet(Path(__file__).with_name("art.parquet"))
    return tuple(
        Concept(name, category, subcategory, Image.open(io.BytesIO(webp)).convert("RGBA"))
        for name, category, subcategory, webp in table[["name", "category", "subcategory", "webp"]].to_numpy()
    )


@cache
def owner_indices() -> tuple[int, ...]:
    """Indices of the owner's concepts: no embedded victim saw them in pretraining."""
    rng = np.random.default_rng(SPLIT_SEED)
    return tuple(sorted(int(i) for i in rng.choice(len(concepts()), OWNER_CONCEPTS, replace=False)))


@cache
def known_indices() -> tuple[int, ...]:
    """Indices of the concepts that embedded victims are pretrained on."""
    owners = set(owner_indices())
    return tuple(i for i in range(len(concepts())) if i not in owners)
