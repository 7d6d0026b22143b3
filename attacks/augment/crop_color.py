"""Random crops and colours, as in ordinary image training."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageEnhance
from pydantic import Field

from attacks.parts import AttackCard, Part, part
from bench import spec


class CropColorOptions(spec.Options):
    """The strength of the augmentation."""

    smallest: float = Field(0.6, gt=0, le=1, description="smallest area of a crop, as a share of the picture's area")
    colour: float = Field(0.3, ge=0, lt=1, description="brightness, contrast and saturation are within 1 +- this")


@part("crop_color")
class CropColor(Part[CropColorOptions]):
    """Crop each picture at random and change its brightness, contrast and saturation, anew in every step."""

    card = AttackCard("K0", 1.2, "nothing in particular: ordinary augmentation", "MMGuard, section 6.5 (RCP); APBench")

    def augment(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Crop the picture, then change its colours."""
        crop = random_crop(Image.fromarray(pixels), self.options.smallest, rng)
        return jitter_colour(crop, self.options.colour, rng)


def random_crop(picture: Image.Image, smallest: float, rng: Generator) -> Image.Image:
    """Crop a random rectangle and resize it to the picture's size.

    Its area is `smallest` to 1 of the picture's, and its aspect ratio 3/4 to 4/3 of the picture's.
    """
    area, ratio = rng.uniform(smallest, 1), np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    width, height = (min(1.0, float(np.sqrt(area * r))) for r in (ratio, 1 / ratio))
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    box = np.array([left, top, left + width, top + height]) * [*picture.size, *picture.size]
    return picture.resize(picture.size, Image.Resampling.BICUBIC, tuple(box))


def jitter_colour(picture: Image.Image, strength: float, rng: Generator) -> np.ndarray:
    """Multiply brightness, contrast and saturation by random factors within 1 +- `strength`."""
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhance(picture).enhance(float(rng.uniform(1 - strength, 1 + strength)))
    return np.asarray(picture)
