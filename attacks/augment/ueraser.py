"""UEraser: train on the strong augmentation of each picture that has the highest loss (Qin et al., 2023)."""

import numpy as np
from numpy.random import Generator
from PIL import Image
from pydantic import Field

from attacks.augment.crop_color import jitter_colour, random_crop
from attacks.parts import AttackCard, Part, part
from bench import spec


class UEraserOptions(spec.Options):
    """The number of augmentations and their strength. The paper's are 5 and 1; they ruin clean data in few epochs."""

    k: int = Field(2, ge=1, le=32, description="augmentations of a picture in each step")
    strength: float = Field(0.5, gt=0, le=1, description="strength of each augmentation, as a share of the paper's")


@part("ueraser")
class UEraser(Part[UEraserOptions]):
    """Train on the hardest of K augmentations: plasma brightness and contrast, random crop and colours.

    The paper also shuffles the colour channels. This does not: answers in this benchmark may name colours.
    """

    card = AttackCard(
        "K1", 2.0, "error-minimising noise, which has a low loss without augmentation only", "UEraser: Qin et al., 2023"
    )

    @property
    def candidates(self) -> int:
        """The option `k`."""
        return self.options.k

    def augment(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Change brightness and contrast along two plasma fractals, then crop and change the colours."""
        (height, width), strength = pixels.shape[:2], self.options.strength
        levels = pixels / 255.0
        levels = levels + strength * rng.uniform(0.5, 1) * (plasma(height, width, rng) - 0.5)[..., None]
        levels = 0.5 + (levels - 0.5) * (4 * plasma(height, width, rng)[..., None]).clip(0.25, 2) ** strength
        picture = Image.fromarray((levels.clip(0, 1) * 255).round().astype(np.uint8))
        return jitter_colour(random_crop(picture, 1 - 0.5 * strength, rng), 0.3 * strength, rng)


def plasma(height: int, width: int, rng: Generator) -> np.ndarray:
    """Return a plasma fractal, (height, width) float in [0, 1].

    It is a sum of noise grids. Each has twice as many cells a side as the one before, and is weaker by one random
    factor of 0.3 to 0.7.
    """
    roughness, cloud, strength, cells = rng.uniform(0.3, 0.7), np.zeros((height, width)), 1.0, 2
    while cells < max(height, width):
        grid = Image.fromarray(rng.uniform(0, 1, (cells, cells)).astype(np.float32))
        cloud += strength * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
        strength, cells = strength * roughness, 2 * cells
    fractal: np.ndarray = (cloud - cloud.min()) / max(float(np.ptp(cloud)), 1e-12)
    return fractal
