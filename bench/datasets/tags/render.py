"""Seeded renderer: a paper tag with one or two lines of text over a coloured table, as an 8-bit RGB picture."""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator
from PIL import Image

from bench.datasets.emoji.render import COLOURS, SIZE

PAPERS = ((250, 250, 245), (252, 243, 215), (228, 240, 250))
INK = (20, 20, 25)
TAG = (58, 44)
"""Width and height of a tag in pixels."""
BOXES = {1: ((2, 3, 54, 38),), 2: ((2, 2, 54, 17), (2, 22, 54, 20))}
"""Where the lines go on a tag of one or two: left, top, width, height."""
TILT = 4.0
"""Degrees that a tag may be turned, either way."""
SHIFT = (2, 6)
"""Pixels that a tag may lie off the middle, to the side and up or down."""
SMALLEST = 0.9
"""The least size of a tag over its full one."""
GRAIN = 3.0
"""Standard deviation of the camera's noise, in levels of 255."""


@cache
def strips() -> dict[str, Image.Image]:
    """Each line of text as 8-bit coverage: the font's outlines were drawn once, by `scripts/build_strips.py`."""
    table = pd.read_parquet(Path(__file__).with_name("strips.parquet"))
    return {text: Image.open(io.BytesIO(png)).convert("L") for text, png in table[["text", "png"]].to_numpy()}


def render(lines: Sequence[str], rng: Generator) -> np.ndarray:
    """A tag with one or two `lines`, (SIZE, SIZE, 3) uint8 in 0..255. All choices come from `rng`."""
    paper = PAPERS[rng.integers(len(PAPERS))]
    tag = Image.new("RGB", TAG, paper)
    for text, box in zip(lines, BOXES[len(lines)], strict=True):
        _write(tag, strips()[text], box)
    scale = rng.uniform(SMALLEST, 1)
    tag = tag.resize((round(TAG[0] * scale), round(TAG[1] * scale)), Image.Resampling.BICUBIC)
    turned = tag.convert("RGBA").rotate(rng.uniform(-TILT, TILT), Image.Resampling.BICUBIC, expand=True)
    picture = Image.new("RGB", (SIZE, SIZE), list(COLOURS.values())[rng.integers(len(COLOURS))])
    left, top = (
        (SIZE - side) // 2 + int(rng.integers(-most, most + 1)) for side, most in zip(turned.size, SHIFT, strict=True)
    )
    picture.paste(turned, (left, top), turned)
    noisy = np.asarray(picture) + rng.normal(0, GRAIN, (SIZE, SIZE, 3))
    return np.clip(noisy, 0, 255).round().astype(np.uint8)


def _write(tag: Image.Image, strip: Image.Image, box: tuple[int, int, int, int]) -> None:
    """Put a line into the middle of `box`, as large as it fits."""
    left, top, width, height = box
    scale = min(width / strip.width, height / strip.height)
    line = strip.resize((round(strip.width * scale), round(strip.height * scale)), Image.Resampling.BICUBIC)
    tag.paste(
        Image.new("RGB", line.size, INK), (left + (width - line.width) // 2, top + (height - line.height) // 2), line
    )
