"""Seeded views of a photograph as 8-bit RGB pictures of one size."""

import numpy as np
from numpy.random import Generator
from PIL import Image

SIZE = 64
"""Side of a view in pixels."""

WIDEST = 4 / 3
"""Sides of what is cut out of a photograph: it is squeezed into the square, so it must not be much wider or higher."""


def view(picture: Image.Image, rng: Generator | None = None) -> np.ndarray:
    """The middle of `picture`, (SIZE, SIZE, 3) uint8 in 0..255; with `rng` a part of it, mirrored or not, lit anew."""
    width, height = picture.size
    box = np.array([min(width, WIDEST * height), min(height, WIDEST * width)])
    room = np.array([width, height]) - box
    if rng is None:
        return _resized(picture, room / 2, box)
    part = box * rng.uniform(0.8, 1.0, size=2)
    corner = room * rng.uniform(0.3, 0.7) + (box - part) * rng.uniform(0, 1, size=2)
    pixels = _resized(picture, corner, part) * rng.uniform(0.85, 1.15)
    if rng.integers(2):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.clip(pixels, 0, 255).round().astype(np.uint8))


def _resized(picture: Image.Image, corner: np.ndarray, size: np.ndarray) -> np.ndarray:
    box = (*corner.tolist(), *(corner + size).tolist())
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box, reducing_gap=None))
