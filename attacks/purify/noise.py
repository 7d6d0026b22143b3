"""Noise against noise."""

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import Card, Purify, part
from bench import spec


class NoiseOptions(spec.Options):
    """How much."""

    sigma: float = Field(12.0, gt=0, le=128, description="standard deviation in 8-bit levels")


@part("noise")
class Noise(Purify):
    """Gaussian noise on each picture, once."""

    card = Card("K1", 1.0, "small perturbations", "robust mimicry: Hönig et al., ICLR 2025 (there with upscaling)")
    Options: ClassVar[type[spec.Options]] = NoiseOptions

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Purify.purify`."""
        noisy = pixels + rng.normal(0, self.options.sigma, pixels.shape)
        return noisy.round().clip(0, 255).astype(np.uint8)
