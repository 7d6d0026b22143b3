"""Seeded views of a photograph as 8-bit RGB pictures of one size."""

import numpy as np
from numpy.random import Generator
from PIL import Image

SIZE = 64
"""Side of a view in pixels."""

MAX_ASPECT = 4 / 3
"""The largest ratio of the sides of a crop. It is squeezed into a square, so it must not be much wider or higher."""


def view(picture: Image.Image, rng: Generator | None = None) -> np.ndarray:
    """Return a square view of `picture`, (SIZE, SIZE, 3) uint8 in 0..255.

    Without `rng` it is the middle. With `rng` it is a random crop, mirrored in half of the cases, of random brightness.
    """
    width, height = picture.size
    box = np.array([min(width, MAX_ASPECT * height), min(height, MAX_ASPECT * width)])
    margin = np.array([width, height]) - box
    if rng is None:
        return _resize(picture, margin / 2, box)
    crop = box * rng.uniform(0.8, 1.0, size=2)
    corner = margin * rng.uniform(0.3, 0.7) + (box - crop) * rng.uniform(0, 1, size=2)
    pixels = _resize(picture, corner, crop) * rng.uniform(0.85, 1.15)
    if rng.integers(2):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.clip(pixels, 0, 255).round().astype(np.uint8))


def _resize(picture: Image.Image, corner: np.ndarray, size: np.ndarray) -> np.ndarray:
    box = (*corner.tolist(), *(corner + size).tolist())
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box, reducing_gap=None))
