"""Copies of a picture as a platform makes them: made smaller and compressed. For noise that must survive it.

A description is `jpeg=85`, `webp=80`, `resize=1080` (the longer side in pixels), or several with commas, in order.
"""

import io
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from bench.errors import UserError, show

if TYPE_CHECKING:
    import torch

ALLOWED = "jpeg=1 to 95, webp=1 to 100, or resize=16 to 4096, with commas between several"
LIMITS = {"jpeg": (1, 95), "webp": (1, 100), "resize": (16, 4096)}


class Platform(NamedTuple):
    """The steps of a platform in order: their names, and a quality or a number of pixels each."""

    steps: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """The description."""
        return ",".join(f"{name}={value}" for name, value in self.steps)

    def copy(self, pixels: np.ndarray) -> np.ndarray:
        """Return the pixels (H, W, 3) uint8 that a visitor of the platform gets, which may be fewer."""
        picture = Image.fromarray(pixels)
        for name, value in self.steps:
            picture = _resize(picture, value) if name == "resize" else _compress(picture, name, value)
        return np.asarray(picture)

    def pass_through(self, levels: "torch.Tensor") -> "torch.Tensor":
        """Return levels (3, H, W) after the platform, at the same size; the gradient passes straight through."""
        import torch

        from bench.lvlm.pixels import quantise

        height, width = levels.shape[-2:]
        before = quantise(levels.detach()).permute(1, 2, 0).byte().cpu().numpy()
        after = Image.fromarray(self.copy(before)).resize((width, height), Image.Resampling.BICUBIC)
        copied = torch.from_numpy(np.array(after)).permute(2, 0, 1).to(levels)
        return levels + (copied - levels).detach()


def parse_platform(text: str) -> Platform:
    """Return the platform that a description means. Raises UserError for any other text.

    >>> parse_platform("resize=1080,jpeg=85")
    Platform(steps=(('resize', 1080), ('jpeg', 85)))
    """
    steps = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(jpeg|webp|resize)=(\d{1,4})\s*", part, re.ASCII)
        low, high = LIMITS[match[1]] if match else (1, 0)
        if match is None or not low <= int(match[2]) <= high:
            raise UserError(f"through: {show(text)}; allowed: {ALLOWED}")
        steps.append((match[1], int(match[2])))
    return Platform(tuple(steps))


def _resize(picture: Image.Image, longest: int) -> Image.Image:
    share = longest / max(picture.size)
    if share >= 1:
        return picture
    return picture.resize((max(1, round(picture.width * share)), max(1, round(picture.height * share))))


def _compress(picture: Image.Image, name: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, name.upper(), quality=quality)
    return Image.open(buffer).convert("RGB")
