"""The differentiable pixel path: 8-bit quantisation and Pillow's resizing, with straight-through gradients.

Hugging Face image processors of the backend "pil" resize with Pillow. It makes two separable passes, usually width
first, with weights of 22 fractional bits, and rounds half up to 8 bits after each pass. `F.interpolate` of floats in
one pass differs on 13-19 % of the values; the two matrix products below differ on none. The processors of the backend
"torchvision" resize with torch's kernels for bytes: the same passes, always width first, with weights of 16 bits.
(On an x86 processor without AVX2, torchvision resizes to "bilinear" in floats; that is not imitated.)
"""

from functools import lru_cache
from typing import Literal

import numpy as np
import PIL
import torch

Backend = Literal["pillow", "torchvision"]

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, in pixels."""

MODES = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Names of Pillow's resampling codes."""


def quantise(levels: torch.Tensor) -> torch.Tensor:
    """Round half up and clamp to 0..255; the gradient passes straight through.

    >>> quantise(torch.tensor([-3.0, 1.5, 300.0]))
    tensor([  0.,   2., 255.])
    """
    return levels + (torch.floor(levels + 0.5).clamp(0, 255) - levels).detach()


def resize(
    levels: torch.Tensor, size: tuple[int, int], mode: str, library: Backend, box: Box | None = None
) -> torch.Tensor:
    """Resize levels in 0..255 (..., 3, H, W) to `size` = (height, width), to the level as `library` does.

    box: resize this part of the picture alone, as Pillow's `box` does.
    """
    height, width = levels.shape[-2:]
    windows = [(0.0, float(height)), (0.0, float(width))] if box is None else [box[1::2], box[::2]]
    x = levels.double()
    for axis in (0, 1) if library == "pillow" and _height_first((height, width), size) else (1, 0):
        source, window = x.shape[axis - 2], windows[axis]
        if source != size[axis] or window != (0, source):
            weights = torch.from_numpy(_weights(source, size[axis], mode, library, *window)).to(x.device)
            x = quantise(weights @ x if axis == 0 else x @ weights.T)
    return x


@lru_cache(maxsize=64)
def _weights(source: int, target: int, mode: str, library: Backend, start: float, stop: float) -> np.ndarray:
    """Return the (target, source) weights of one pass in the library's fixed point; shrinking widens the kernel.

    start, stop: the window of the source that is resized, in float32 as Pillow holds it.
    """
    scale = float(np.float32(stop) - np.float32(start)) / target
    stretch = max(scale, 1.0)
    radius = REACH[mode] * stretch
    centre = float(np.float32(start)) + (np.arange(target) + 0.5) * scale
    first = np.maximum(0, np.trunc(centre - radius + 0.5))[:, None]
    last = np.minimum(source, np.trunc(centre + radius + 0.5))[:, None]
    position = np.arange(source)[None]
    distance = np.abs((position - centre[:, None] + 0.5) / stretch)
    kernel = np.where((position >= first) & (position < last), KERNELS[mode](distance), 0.0)
    kernel /= kernel.sum(1, keepdims=True)
    unit = 2**22 if library == "pillow" else _fixed_point_unit(float(kernel.max()))
    weights: np.ndarray = np.trunc(kernel * unit + np.copysign(0.5, kernel)) / unit
    return weights


def _fixed_point_unit(largest: float) -> int:
    """Return torch's integer for a weight of 1: the largest power of two up to 2 ** 22 with all weights in 16 bits.

    The bits include the sign; `largest` is the largest weight.
    """
    return next(1 << bits for bits in range(23) if bits == 22 or int(largest * 2 ** (bits + 1) + 0.5) >= 2**15)


def _bilinear(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1.0 - x)


def _bicubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


KERNELS = {"bilinear": _bilinear, "bicubic": _bicubic, "lanczos": _lanczos}
REACH = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}
"""Half-widths of the kernels in source pixels, without shrinking."""


def _height_first(size: tuple[int, int], target: tuple[int, int]) -> bool:
    """Return True if Pillow resizes the height first: from version 13 on, where that shrinks the picture much more."""
    height_loss, width_loss = size[0] - target[0], size[1] - target[1]
    return int(PIL.__version__.split(".")[0]) >= 13 and height_loss > 0 and height_loss > 2 * width_loss


def normalise(levels: torch.Tensor, mean: list[float], std: list[float]) -> torch.Tensor:
    """Scale levels in 0..255 (..., 3, H, W) to [0, 1], subtract `mean` and divide by `std`; return float32."""
    shape = (3, 1, 1)
    centre = torch.tensor(mean, device=levels.device, dtype=levels.dtype).view(shape)
    spread = torch.tensor(std, device=levels.device, dtype=levels.dtype).view(shape)
    return ((levels / 255 - centre) / spread).float()


def cut_tiles(levels: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Cut (N, C, rows * height, columns * width) into tiles, row by row: (N, rows * columns, C, height, width).

    >>> cut_tiles(torch.zeros(1, 3, 4, 6), 2, 2).shape
    torch.Size([1, 6, 3, 2, 2])
    """
    count, channels, whole_height, whole_width = levels.shape
    grid = levels.reshape(count, channels, whole_height // height, height, whole_width // width, width)
    return grid.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
