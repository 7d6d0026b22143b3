"""Smoothing: a blur that blurs, a median, and a smaller picture made large again."""

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from PIL import Image
from pydantic import Field
from scipy import ndimage

from attacks.parts import Card, Purify, part
from bench import spec


class BlurOptions(spec.Options):
    """How wide. A published benchmark ran sigma 0.1 for years, which is an identity: here that is out of bounds."""

    sigma: float = Field(1.0, ge=0.4, le=10, description="standard deviation of the Gaussian in pixels")


@part("blur")
class Blur(Purify):
    """Gaussian blur of each channel."""

    card = Card("K1", 1.0, "perturbations of high frequency", "APBench (there with sigma 0.1); MMGuard, section 6.5")
    Options: ClassVar[type[spec.Options]] = BlurOptions

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Purify.purify`."""
        sigma = self.options.sigma
        return ndimage.gaussian_filter(pixels.astype(np.float32), (sigma, sigma, 0)).round().astype(np.uint8)


class MedianOptions(spec.Options):
    """How wide."""

    size: int = Field(3, ge=2, le=15, description="side of the window in pixels")


@part("median")
class Median(Purify):
    """The median of each channel in a window."""

    card = Card("K1", 1.0, "single pixels and small patches", "feature squeezing: Xu et al., NDSS 2018")
    Options: ClassVar[type[spec.Options]] = MedianOptions

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Purify.purify`."""
        size = self.options.size
        return ndimage.median_filter(pixels, (size, size, 1))


class ResizeOptions(spec.Options):
    """How small."""

    scale: float = Field(0.5, gt=0.05, lt=1, description="side of the small picture over that of the picture")


@part("resize")
class Resize(Purify):
    """Each picture made smaller and large again, bicubic with antialiasing."""

    card = Card("K1", 1.0, "what is tied to the grid of pixels", "common; APBench's users asked for it")
    Options: ClassVar[type[spec.Options]] = ResizeOptions

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Purify.purify`."""
        height, width = (max(1, round(side * self.options.scale)) for side in pixels.shape[:2])
        small = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(small.resize(pixels.shape[1::-1], Image.Resampling.BICUBIC))
