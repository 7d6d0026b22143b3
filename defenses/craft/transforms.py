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
    Image.fromarray(array).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
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


def uniform_noise(levels: torch.Tensor, reach: float, rng: Generator) -> torch.Tensor:
    """Add uniform noise of up to `reach` levels."""
    return levels + torch.from_numpy(rng.uniform(-reach, reach, tuple(levels.shape))).to(levels)


def noise(levels: torch.Tensor, sigma: float, rng: Generator) -> torch.Tensor:
    """Add Gaussian noise of standard deviation `sigma` levels."""
    return quantise(levels + torch.from_numpy(rng.normal(0, sigma, tuple(levels.shape))).to(levels))


def random_crop(levels: torch.Tensor, smallest: float, rng: Generator) -> torch.Tensor:
    """Crop a random rectangle and resize it to the picture's size, as the attack `crop_color` does.

    Its area is `smallest` to 1 of the picture's, and its aspect ratio 3/4 to 4/3 of the picture's.
    """
    height, width = levels.shape[-2:]
    area, ratio = rng.uniform(smallest, 1), np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    across, down = (min(1.0, float(np.sqrt(area * r))) for r in (ratio, 1 / ratio))
    left, top = rng.uniform(0, 1 - across), rng.uniform(0, 1 - down)
    box = (left * width, top * height, (left + across) * width, (top + down) * height)
    return pixels.resize(quantise(levels), (height, width), "bicubic", "pillow", box).to(levels)


LUMA = torch.tensor([19595, 38470, 7471]) / 65536
"""Shares of red, green and blue in Pillow's gray."""


def jitter_colour(levels: torch.Tensor, strength: float, rng: Generator) -> torch.Tensor:
    """Multiply brightness, contrast and saturation by random factors within 1 +- `strength`, as `crop_color` does."""
    brightness, contrast, saturation = (float(rng.uniform(1 - strength, 1 + strength)) for _ in range(3))
    levels = _blend(torch.zeros_like(levels), quantise(levels), brightness)
    levels = _blend(torch.floor(_gray(levels).mean() + 0.5).expand_as(levels), levels, contrast)
    return _blend(_gray(levels).expand_as(levels), levels, saturation)


def _gray(levels: torch.Tensor) -> torch.Tensor:
    """Return Pillow's gray (1, H, W) of whole levels (3, H, W), rounded half up; the gradient passes through."""
    return quantise((levels * LUMA.to(levels)[:, None, None]).sum(0, keepdim=True))


def _blend(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    """Return levels `share` of the way from `start` to `end`, cut to 0..255 and to whole levels, as Pillow does."""
    mixed = (start + share * (end - start)).clamp(0, 255)
    return mixed + (mixed.floor() - mixed).detach()


RANDOM: dict[str, Callable[[torch.Tensor, Generator], torch.Tensor]] = {
    "jpeg": lambda levels, rng: jpeg(levels, 30),
    "resize": lambda levels, rng: resize(levels, 0.5),
    "blur": lambda levels, rng: blur(levels, 1.0),
    "noise": lambda levels, rng: noise(levels, 12.0, rng),
    "crop": lambda levels, rng: random_crop(levels, 0.6, rng),
    "color": lambda levels, rng: jitter_colour(levels, 0.3, rng),
}
"""Transformations as the attacks of the same names make them by default (`crop_color` makes the last two), in the order
of a trainer: the release is purified once, then augmented in each step."""


def apply_random(names: Sequence[str], levels: torch.Tensor, rng: Generator) -> torch.Tensor:
    """Apply each of the transformations `names` or not, with equal probability, in the order of `RANDOM`."""
    for name, transformation in RANDOM.items():
        if name in names and rng.integers(2):
            levels = transformation(levels, rng)
    return levels
