"""Transformations that a trainer may apply to a picture, with gradients, for perturbations that must survive them.

Levels are (3, H, W) in 0..255 and keep their size. Expectation over transformations (EOT): Athalye et al., ICML 2018.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image

from bench.lvlm import pixels
from bench.lvlm.pixels import quantise


def jpeg(levels: torch.Tensor, quality: int) -> torch.Tensor:
    """Compress with Pillow's JPEG of that quality. The gradient passes straight through."""
    array = quantise(levels.detach()).permute(1, 2, 0).byte().cpu().numpy()
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", quality=quality)
    decoded = torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1).to(levels)
    return levels + (decoded - levels).detach()


def resize(levels: torch.Tensor, scale: float) -> torch.Tensor:
    """Resize to `scale` times the size and back, bicubic, as Pillow does it."""
    height, width = levels.shape[-2:]
    size = max(1, round(height * scale)), max(1, round(width * scale))
    small = pixels.resize(quantise(levels), size, "bicubic", "pillow")
    return pixels.resize(small, (height, width), "bicubic", "pillow").to(levels)


def blur(levels: torch.Tensor, sigma: float) -> torch.Tensor:
    """Blur with a Gaussian of `sigma` pixels; at the border the kernel is cut off and normalised again."""
    height, width = levels.shape[-2:]
    return _gaussian(height, sigma).to(levels) @ levels @ _gaussian(width, sigma).to(levels).T


def _gaussian(size: int, sigma: float) -> torch.Tensor:
    """Return the matrix (size, size) that blurs along one axis; each row sums to 1."""
    positions = torch.arange(size, dtype=torch.float64)
    weights = torch.exp(-((positions[:, None] - positions[None]) ** 2) / (2 * sigma**2))
    return weights / weights.sum(1, keepdim=True)


def crop(levels: torch.Tensor, share: float, top: float, left: float) -> torch.Tensor:
    """Crop `share` of each side and enlarge it to the old size.

    top, left: the corner of the window, as fractions of the way that it can move.
    """
    height, width = levels.shape[-2:]
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    y, x = round(top * (height - rows)), round(left * (width - columns))
    window = quantise(levels)[:, y : y + rows, x : x + columns]
    return pixels.resize(window, (height, width), "bicubic", "pillow").to(levels)


def noise(levels: torch.Tensor, reach: float, rng: Generator) -> torch.Tensor:
    """Add uniform noise of up to `reach` levels."""
    return levels + torch.from_numpy(rng.uniform(-reach, reach, tuple(levels.shape))).to(levels)


RANDOM: dict[str, Callable[[torch.Tensor, Generator], torch.Tensor]] = {
    "jpeg": lambda levels, rng: jpeg(levels, int(rng.integers(30, 96))),
    "resize": lambda levels, rng: resize(levels, rng.uniform(0.5, 1.0)),
    "blur": lambda levels, rng: blur(levels, rng.uniform(0.5, 1.5)),
    "crop": lambda levels, rng: crop(levels, rng.uniform(0.8, 1.0), rng.uniform(), rng.uniform()),
    "noise": lambda levels, rng: noise(levels, 4.0, rng),
}
"""Each transformation with a random strength, from hardly visible to the strength that the attacks use."""


def apply_random(names: Sequence[str], levels: torch.Tensor, rng: Generator) -> torch.Tensor:
    """Apply one of the transformations `names` or none, each with the same probability."""
    choice = int(rng.integers(len(names) + 1))
    return RANDOM[names[choice - 1]](levels, rng) if choice else levels
