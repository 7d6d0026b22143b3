"""Pretraining pictures: seeded renderings of the concepts that do *not* belong to the owner."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from rich.progress import track

from bench.datasets.emoji.art import concepts, pretraining_indices
from bench.datasets.emoji.render import SIZE, render


class PretrainingPictures(NamedTuple):
    """Renderings and their labels.

    pixels: (N, SIZE, SIZE, 3) uint8 in 0..255. labels: columns concept (index among the pretraining concepts), name,
    category, background, large.
    """

    pixels: np.ndarray
    labels: pd.DataFrame


def load_pretraining_pictures(folder: Path, split: str, per_concept: int, seed: int) -> PretrainingPictures:
    """Return `per_concept` pictures of every pretraining concept. The first call renders them into `folder`."""
    stem = folder / f"known-{split}-{per_concept}-{seed}"
    pixel_file, label_file = stem.with_suffix(".npy"), stem.with_suffix(".parquet")
    if not label_file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _render_all(pixel_file, label_file, split, per_concept, seed)
    return PretrainingPictures(np.load(pixel_file, mmap_mode="r"), pd.read_parquet(label_file))


def _render_all(pixel_file: Path, label_file: Path, split: str, per_concept: int, seed: int) -> None:
    indices = pretraining_indices()
    shape = (len(indices) * per_concept, SIZE, SIZE, 3)
    pixels = np.lib.format.open_memmap(pixel_file, mode="w+", dtype=np.uint8, shape=shape)
    rows: list[tuple[int, str, str, str, bool]] = []
    for label, index in enumerate(track(indices, description=f"Rendering pretraining concepts ({split})")):
        concept = concepts()[index]
        for k in range(per_concept):
            rng = np.random.default_rng([seed, {"train": 0, "test": 1}[split], index, k])
            rendering = render(concept.art, rng)
            pixels[len(rows)] = rendering.pixels
            rows.append((label, concept.name, concept.category, rendering.background, rendering.large))
    pixels.flush()
    pd.DataFrame(rows, columns=["concept", "name", "category", "background", "large"]).to_parquet(label_file)
