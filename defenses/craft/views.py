"""What a trainer may make of a picture before he learns from it, with gradients: for noise that must survive it.

Levels are (3, H, W) in 0..255 and keep their size. Expectation over transformations: Athalye et al., ICML 2018.
"""

import io
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image

from bench.lvlm import pixels
from bench.lvlm.pixels import quantise

View = Literal["jpeg", "resize", "blur", "crop", "noise"]


def jpeg(levels: torch.Tensor, quality: int) -> torch.Tensor:
    """Pillow's own JPEG of that quality; the gradient passes straight through."""
    array = quantise(levels.detach()).permute(1, 2, 0).byte().cpu().numpy()
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", quality=quality)
    read = torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1).to(levels)
    return levels + (read - levels).detach()


def resize(levels: torch.Tensor, scale: float) -> torch.Tensor:
    """Bicubic to `scale` times the size, and back, as Pillow does it."""
    height, width = levels.shape[-2:]
    small = max(1, round(height * scale)), max(1, round(width * scale))
    there = pixels.resize(quantise(levels), small, "bicubic", "pillow")
    return pixels.resize(there, (height, width), "bicubic", "pillow").to(levels)


def blur(levels: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur with a standard deviation of `sigma` pixels; at the border the kernel is cut and normalised."""
    height, width = levels.shape[-2:]
    return _gaussian(height, sigma).to(levels) @ levels @ _gaussian(width, sigma).to(levels).T


def _gaussian(size: int, sigma: float) -> torch.Tensor:
    place = torch.arange(size, dtype=torch.float64)
    weights = torch.exp(-((place[:, None] - place[None]) ** 2) / (2 * sigma**2))
    return weights / weights.sum(1, keepdim=True)


def crop(levels: torch.Tensor, share: float, top: float, left: float) -> torch.Tensor:
    """A window of `share` of each side, at fractions `top` and `left` of the room, enlarged to the old size."""
    height, width = levels.shape[-2:]
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    y, x = round(top * (height - rows)), round(left * (width - columns))
    window = quantise(levels)[:, y : y + rows, x : x + columns]
    return pixels.resize(window, (height, width), "bicubic", "pillow").to(levels)


def noise(levels: torch.Tensor, reach: float, rng: Generator) -> torch.Tensor:
    """Uniform noise of up to `reach` levels."""
    return levels + torch.from_numpy(rng.uniform(-reach, reach, tuple(levels.shape))).to(levels)


DRAWS: dict[str, Callable[[torch.Tensor, Generator], torch.Tensor]] = {
    "jpeg": lambda levels, rng: jpeg(levels, int(rng.integers(30, 96))),
    "resize": lambda levels, rng: resize(levels, rng.uniform(0.5, 1.0)),
    "blur": lambda levels, rng: blur(levels, rng.uniform(0.5, 1.5)),
    "crop": lambda levels, rng: crop(levels, rng.uniform(0.8, 1.0), rng.uniform(), rng.uniform()),
    "noise": lambda levels, rng: noise(levels, 4.0, rng),
}
"""A random one of each kind: the range from what hardly shows to what the attacks use."""


def one_of(names: Sequence[str], levels: torch.Tensor, rng: Generator) -> torch.Tensor:
    """The picture itself or, as likely each, one of `names`."""
    chosen = int(rng.integers(len(names) + 1))
    return DRAWS[names[chosen - 1]](levels, rng) if chosen else levels
