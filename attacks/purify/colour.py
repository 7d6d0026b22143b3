"""Fewer colours: none, or fewer levels of them."""

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from PIL import Image
from pydantic import Field

from attacks.parts import Card, Purify, part
from bench import spec


@part("gray")
class Gray(Purify):
    """Each picture as its luma (ITU-R 601) in all three channels."""

    card = Card("K1", 1.0, "shortcuts in colour, which are of low frequency", "ISS: Liu et al., ICML 2023")

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Purify.purify`."""
        return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


class BitDepthOptions(spec.Options):
    """How many levels are left."""

    bits: int = Field(3, ge=1, le=7, description="bits a channel")


@part("bit_depth")
class BitDepth(Purify):
    """Each channel rounded to the nearest of 2^bits levels from 0 to 255."""

    card = Card("K1", 1.0, "perturbations smaller than a step", "BDR: Xu et al., NDSS 2018; APBench")
    Options: ClassVar[type[spec.Options]] = BitDepthOptions

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Purify.purify`."""
        most = 2**self.options.bits - 1
        return np.round(np.round(pixels / 255 * most) * 255 / most).astype(np.uint8)
