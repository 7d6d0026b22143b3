"""JPEG compression."""

import io

import numpy as np
from numpy.random import Generator
from PIL import Image
from pydantic import Field

from attacks.parts import AttackCard, Purify, part
from bench import spec


class JpegOptions(spec.Options):
    """The strength of the compression."""

    quality: int = Field(30, ge=1, le=95, description="JPEG quality in Pillow; chroma is halved in both directions")


@part("jpeg")
class Jpeg(Purify[JpegOptions]):
    """Compress each picture as JPEG and decode it, with Pillow."""

    card = AttackCard("K1", 1.0, "perturbations of high frequency", "ISS: Liu et al., ICML 2023")

    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return the picture after compression and decoding."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=self.options.quality, subsampling="4:2:0")
        return np.asarray(Image.open(buffer, formats=["JPEG"]))
