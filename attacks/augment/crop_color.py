"""Crops and colours as in ordinary image training."""

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageEnhance
from pydantic import Field

from attacks.parts import Card, Part, part
from bench import spec


class CropColorOptions(spec.Options):
    """How strong."""

    smallest: float = Field(0.6, gt=0, le=1, description="least area of a crop over the picture's")
    colour: float = Field(0.3, ge=0, lt=1, description="brightness, contrast and saturation are within 1 +- this")


@part("crop_color")
class CropColor(Part):
    """A random crop, resized to the picture's size, with random brightness, contrast and saturation, in each step."""

    card = Card("K0", 1.2, "nothing in particular: ordinary augmentation", "MMGuard, section 6.5 (RCP); APBench")
    Options: ClassVar[type[spec.Options]] = CropColorOptions
    augments: ClassVar[bool] = True

    def view(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Part.view`."""
        return coloured(cropped(Image.fromarray(pixels), self.options.smallest, rng), self.options.colour, rng)


def cropped(picture: Image.Image, smallest: float, rng: Generator) -> Image.Image:
    """A crop of `smallest` to all of the area, with an aspect ratio within 3/4 to 4/3 of the picture's."""
    area, ratio = rng.uniform(smallest, 1), np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    width, height = (min(1.0, float(np.sqrt(area * r))) for r in (ratio, 1 / ratio))
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    box = np.array([left, top, left + width, top + height]) * [*picture.size, *picture.size]
    return picture.resize(picture.size, Image.Resampling.BICUBIC, tuple(box))


def coloured(picture: Image.Image, strength: float, rng: Generator) -> np.ndarray:
    """Brightness, contrast and saturation, each times a factor within 1 +- `strength`."""
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhance(picture).enhance(float(rng.uniform(1 - strength, 1 + strength)))
    return np.asarray(picture)
