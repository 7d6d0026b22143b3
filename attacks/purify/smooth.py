"""Smoothing: Gaussian blur, median filter, and resizing to a smaller size and back."""

import numpy as np
from numpy.random import Generator
from PIL import Image
from pydantic import Field
from scipy import ndimage

from attacks.parts import AttackCard, Purify, part
from bench import spec


class BlurOptions(spec.Options):
    """The strength of the blur. APBench used sigma 0.1, which changes nothing; here so small a value is refused."""

    sigma: float = Field(1.0, ge=0.4, le=10, description="standard deviation of the Gaussian in pixels")


@part("blur")
class Blur(Purify[BlurOptions]):
    """Blur each channel with a Gaussian filter."""

    card = AttackCard(
        "K1", 1.0, "perturbations of high frequency", "APBench (there with sigma 0.1); MMGuard, section 6.5"
    )

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return the blurred picture."""
        sigma = self.options.sigma
        blurred: np.ndarray = ndimage.gaussian_filter(pixels.astype(np.float32), (sigma, sigma, 0))
        return blurred.round().astype(np.uint8)


class MedianOptions(spec.Options):
    """The size of the filter."""

    size: int = Field(3, ge=2, le=15, description="side of the window in pixels")


@part("median")
class Median(Purify[MedianOptions]):
    """Replace each pixel by the median of its window, channel by channel."""

    card = AttackCard("K1", 1.0, "single pixels and small patches", "feature squeezing: Xu et al., NDSS 2018")

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return the filtered picture."""
        size = self.options.size
        filtered: np.ndarray = ndimage.median_filter(pixels, (size, size, 1))
        return filtered


class ResizeOptions(spec.Options):
    """The size of the small picture."""

    scale: float = Field(0.5, gt=0.05, lt=1, description="side of the small picture, as a share of the original side")


@part("resize")
class Resize(Purify[ResizeOptions]):
    """Make each picture smaller and then as large as before, with antialiased bicubic resampling."""

    card = AttackCard(
        "K1", 1.0, "perturbations that depend on the exact pixel grid", "common; requested by users of APBench"
    )

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return the picture after both resizings."""
        height, width = (max(1, round(side * self.options.scale)) for side in pixels.shape[:2])
        small = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(small.resize(pixels.shape[1::-1], Image.Resampling.BICUBIC))
