"""Seeded renderer: one emoji over a varied background, as an 8-bit RGB picture."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from PIL import Image

SIZE = 64
"""Side of a rendering in pixels."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (205, 50, 50),
    "green": (60, 150, 70),
    "blue": (55, 95, 200),
    "yellow": (235, 205, 70),
    "purple": (135, 70, 170),
    "orange": (235, 140, 45),
    "gray": (128, 128, 128),
    "white": (240, 240, 238),
}


class Rendering(NamedTuple):
    """A picture, (SIZE, SIZE, 3) uint8 in 0..255, the colour of its background, and if the emoji is large."""

    pixels: np.ndarray
    background: str
    large: bool


def _background(rng: Generator) -> tuple[np.ndarray, str]:
    """Return a float (SIZE, SIZE, 3) canvas in 0..255 and its colour's name: a gradient, smooth noise or stripes."""
    name = str(rng.choice(list(COLOURS)))
    canvas = np.broadcast_to(np.array(COLOURS[name], dtype=np.float64), (SIZE, SIZE, 3))
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.25)
    ramp = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)
    match rng.integers(3):
        case 0:
            shade = 2 * ramp
        case 1:
            coarse = Image.fromarray(rng.uniform(-1, 1, (5, 5)).astype(np.float32))
            shade = np.asarray(coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        case _:
            shade = np.sign(np.sin(2 * np.pi * rng.uniform(2, 6) * ramp))
    return canvas * (1 + strength * shade[..., None]), name


def render(art: Image.Image, rng: Generator) -> Rendering:
    """Draw the RGBA `art` at a random scale, rotation and position. All choices come from `rng`."""
    canvas, name = _background(rng)
    scale = rng.uniform(0.62, 0.98)
    side = round(scale * SIZE)
    rotated = art.rotate(rng.uniform(-15, 15), Image.Resampling.BICUBIC)
    figure = rotated.resize((side, side), Image.Resampling.BICUBIC)
    left, top = (int(v) for v in rng.integers(0, SIZE - side + 1, size=2))
    picture = Image.fromarray(np.clip(canvas, 0, 255).round().astype(np.uint8))
    picture.paste(figure, (left, top), figure)
    return Rendering(np.asarray(picture), name, bool(scale > 0.8))
