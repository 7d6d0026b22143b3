"""Seeded renderer: a paper tag with one or two lines of text over a coloured table, as an 8-bit RGB picture."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image

from bench.datasets.emoji.render import COLOURS, SIZE
from bench.datasets.picture_tables import read_pictures

PAPERS = ((250, 250, 245), (252, 243, 215), (228, 240, 250))
INK = (20, 20, 25)
TAG = (58, 44)
"""Width and height of a tag in pixels."""
BOXES = {1: ((2, 3, 54, 38),), 2: ((2, 2, 54, 17), (2, 22, 54, 20))}
"""The boxes of the lines on a tag with one or two lines: left, top, width, height."""
TILT = 4.0
"""Most degrees that a tag is turned, either way."""
MAX_SHIFT = (2, 6)
"""Most pixels that a tag lies off the middle, horizontally and vertically."""
MIN_SCALE = 0.9
"""The smallest scale of a tag."""
GRAIN = 3.0
"""Standard deviation of the camera's noise, in levels of 255."""


@cache
def strips() -> dict[str, Image.Image]:
    """Return each line of text as 8-bit coverage. `scripts/build_strips.py` drew the font's outlines once."""
    rows = read_pictures(Path(__file__).with_name("strips.parquet"), ["text"], "png", "L")
    return {row["text"]: strip for row, strip in rows}


def render(lines: Sequence[str], rng: Generator) -> np.ndarray:
    """Draw a tag with one or two `lines`: (SIZE, SIZE, 3) uint8 in 0..255. All choices come from `rng`."""
    paper = PAPERS[rng.integers(len(PAPERS))]
    tag = Image.new("RGB", TAG, paper)
    for text, box in zip(lines, BOXES[len(lines)], strict=True):
        _write_line(tag, strips()[text], box)
    scale = rng.uniform(MIN_SCALE, 1)
    tag = tag.resize((round(TAG[0] * scale), round(TAG[1] * scale)), Image.Resampling.BICUBIC)
    rotated = tag.convert("RGBA").rotate(rng.uniform(-TILT, TILT), Image.Resampling.BICUBIC, expand=True)
    picture = Image.new("RGB", (SIZE, SIZE), list(COLOURS.values())[rng.integers(len(COLOURS))])
    left, top = (
        (SIZE - side) // 2 + int(rng.integers(-most, most + 1))
        for side, most in zip(rotated.size, MAX_SHIFT, strict=True)
    )
    picture.paste(rotated, (left, top), rotated)
    noisy = np.asarray(picture) + rng.normal(0, GRAIN, (SIZE, SIZE, 3))
    return np.clip(noisy, 0, 255).round().astype(np.uint8)


def _write_line(tag: Image.Image, strip: Image.Image, box: tuple[int, int, int, int]) -> None:
    """Paste a line into the middle of `box`, as large as it fits."""
    left, top, width, height = box
    scale = min(width / strip.width, height / strip.height)
    line = strip.resize((round(strip.width * scale), round(strip.height * scale)), Image.Resampling.BICUBIC)
    tag.paste(
        Image.new("RGB", line.size, INK), (left + (width - line.width) // 2, top + (height - line.height) // 2), line
    )
