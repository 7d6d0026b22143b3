"""UEraser: of several strong augmentations of a picture, the one with the highest loss is learned."""

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from PIL import Image
from pydantic import Field

from attacks.augment.crop_color import coloured, cropped
from attacks.parts import Card, Part, part
from bench import spec


class UEraserOptions(spec.Options):
    """How many looks."""

    k: int = Field(5, ge=1, le=32, description="augmentations of a picture in each step")


@part("ueraser")
class UEraser(Part):
    """K looks at a picture under plasma brightness and contrast, crop and colour; the worst of them is learned.

    Channels are not shuffled, as they are in the paper: answers here may name colours.
    """

    card = Card("K1", 3.0, "error-minimising noise, whose loss is low in one look alone", "UEraser: Qin et al., 2023")
    Options: ClassVar[type[spec.Options]] = UEraserOptions
    augments: ClassVar[bool] = True

    @property
    def views(self) -> int:  # type: ignore[override]
        """See `Part.views`."""
        return int(self.options.k)

    def view(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Part.view`."""
        height, width = pixels.shape[:2]
        levels = pixels / 255.0
        levels = levels + rng.uniform(0.5, 1) * (plasma(height, width, rng) - 0.5)[..., None]
        levels = 0.5 + (levels - 0.5) * (4 * plasma(height, width, rng)[..., None]).clip(0.25, 2)
        strong = Image.fromarray((levels.clip(0, 1) * 255).round().astype(np.uint8))
        return coloured(cropped(strong, 0.5, rng), 0.3, rng)


def plasma(height: int, width: int, rng: Generator) -> np.ndarray:
    """A fractal cloud (height, width) from 0 to 1: grids of noise, twice as fine and `roughness` as strong each."""
    roughness, cloud, strength, cells = rng.uniform(0.3, 0.7), np.zeros((height, width)), 1.0, 2
    while cells < max(height, width):
        grid = Image.fromarray(rng.uniform(0, 1, (cells, cells)).astype(np.float32))
        cloud += strength * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
        strength, cells = strength * roughness, 2 * cells
    return (cloud - cloud.min()) / max(float(np.ptp(cloud)), 1e-12)
