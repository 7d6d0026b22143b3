"""Remove colours, or reduce the number of colour levels."""

import numpy as np
from numpy.random import Generator
from PIL import Image
from pydantic import Field

from attacks.parts import AttackCard, Purify, part
from bench import spec


class GrayOptions(spec.Options):
    """The number of pictures that lose their colour. Where all do, trained pictures and tested ones differ too much."""

    share: float = Field(0.5, gt=0, le=1, description="chance of each picture to lose its colour")


@part("gray")
class Gray(Purify[GrayOptions]):
    """Convert a share of the pictures, drawn at random, to their luma (ITU-R 601) in all three channels."""

    card = AttackCard("K1", 1.0, "shortcuts in colour, which have low frequencies", "ISS: Liu et al., ICML 2023")

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return the luma in all three channels, or the picture as it is."""
        if rng.random() >= self.options.share:
            return pixels
        return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


class BitDepthOptions(spec.Options):
    """The number of levels that are left."""

    bits: int = Field(3, ge=1, le=7, description="bits per channel")


@part("bit_depth")
class BitDepth(Purify[BitDepthOptions]):
    """Round each channel to the nearest of 2^bits levels from 0 to 255."""

    card = AttackCard("K1", 1.0, "perturbations smaller than a level", "BDR: Xu et al., NDSS 2018; APBench")

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return the rounded picture."""
        highest = 2**self.options.bits - 1
        rounded: np.ndarray = np.round(np.round(pixels / 255 * highest) * 255 / highest)
        return rounded.astype(np.uint8)
