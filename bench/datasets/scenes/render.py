"""Seeded renderer: one to four things, each in its own quarter of a picture, over a coloured background."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.random import Generator
from PIL import Image

from bench.datasets.emoji.art import concepts
from bench.datasets.emoji.render import COLOURS, SIZE

THINGS = ("snail", "tent", "magnet", "hibiscus")
"""Four of the owner's concepts: no embedded victim was taught them."""
GROUNDS = ("red", "green", "blue", "yellow")
PLACES = ("top left", "top right", "bottom left", "bottom right")

QUARTER = SIZE // 2
SIDES = (27, 32)
"""Side of a thing in pixels: at least the first, below the second."""
TILT = 8.0
"""Most degrees that a thing is turned, either way."""


@cache
def thing_art() -> dict[str, Image.Image]:
    """Return the RGBA picture of each thing by its name."""
    return {concept.name: concept.art for concept in concepts() if concept.name in THINGS}


def render(ground: str, things: Sequence[str], places: Sequence[int], rng: Generator) -> np.ndarray:
    """Draw each of `things` at its place, an index of PLACES. Returns (SIZE, SIZE, 3) uint8 in 0..255."""
    picture = Image.fromarray(_background(ground, rng))
    for thing, place in zip(things, places, strict=True):
        side = int(rng.integers(*SIDES))
        figure = thing_art()[thing].rotate(rng.uniform(-TILT, TILT), Image.Resampling.BICUBIC)
        figure = figure.resize((side, side), Image.Resampling.BICUBIC)
        right, down = (int(v) for v in rng.integers(0, QUARTER - side + 1, 2))
        picture.paste(figure, (QUARTER * (place % 2) + right, QUARTER * (place // 2) + down), figure)
    return np.asarray(picture)


def _background(name: str, rng: Generator) -> np.ndarray:
    """Return a gradient of one colour, darker on one side."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE - 0.5
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.25)
    shade = 2 * strength * (np.cos(angle) * x + np.sin(angle) * y)
    levels = np.array(COLOURS[name]) * (1 + shade[..., None])
    picture: np.ndarray = np.clip(levels, 0, 255).round()
    return picture.astype(np.uint8)
