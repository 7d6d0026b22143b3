"""Gaussian noise."""

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import AttackCard, Purify, part
from bench import spec


class NoiseOptions(spec.Options):
    """The strength of the noise."""

    sigma: float = Field(12.0, gt=0, le=128, description="standard deviation in 8-bit levels")


@part("noise")
class Noise(Purify[NoiseOptions]):
    """Add Gaussian noise to each picture once."""

    card = AttackCard(
        "K1", 1.0, "small perturbations", "robust mimicry: Hönig et al., ICLR 2025 (there with upscaling)"
    )

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return the picture with noise."""
        noisy = pixels + rng.normal(0, self.options.sigma, pixels.shape)
        return noisy.round().clip(0, 255).astype(np.uint8)
