"""JPEG at a low quality."""

import io
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from PIL import Image
from pydantic import Field

from attacks.parts import Card, Purify, part
from bench import spec


class JpegOptions(spec.Options):
    """How much is thrown away."""

    quality: int = Field(30, ge=1, le=95, description="JPEG quality of Pillow; chroma is halved in both directions")


@part("jpeg")
class Jpeg(Purify):
    """Each picture through JPEG, as Pillow writes and reads it."""

    card = Card("K1", 1.0, "perturbations of high frequency", "ISS: Liu et al., ICML 2023")
    Options: ClassVar[type[spec.Options]] = JpegOptions

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """See `Purify.purify`."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=self.options.quality, subsampling="4:2:0")
        return np.asarray(Image.open(buffer, formats=["JPEG"]))
