"""Decoding untrusted picture files: any common format to 8-bit RGB pixels, or one line that names the fault."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bench.errors import UserError

MAX_PIXELS = 4096 * 4096
"""Most pixels of a picture, unless a caller can bear more."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error, zlib.error)
"""The errors that Pillow's readers raise for damaged files."""


def decode(data: bytes, where: str, most: int | None = None) -> np.ndarray:
    """Return the (H, W, 3) uint8 pixels in 0..255 of a picture file: upright, with white behind transparency.

    Only the first frame is read, and of 16 bits only the high byte. Raises UserError that begins with `where` for a
    file of another format, a damaged one, one of 16 bits that uses at most 14, or one with more than `most` pixels,
    which are never allocated.
    """
    with open_picture(data, where, most=most) as picture:
        _check_depth(picture, where)
        return np.asarray(_to_rgb(ImageOps.exif_transpose(picture)))


@contextmanager
def open_picture(
    data: bytes, where: str, formats: tuple[str, ...] = FORMATS, most: int | None = None
) -> Iterator[Image.Image]:
    """Open a picture and read only its header. Errors of its pixels inside the block become UserErrors too."""
    most = MAX_PIXELS if most is None else most
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=formats) as picture:
            if picture.width * picture.height > most:
                raise UserError(f"{where}: {picture.width}x{picture.height} pixels; allowed: {most} in all")
            yield picture
    except UnidentifiedImageError:
        raise UserError(f"{where}: no picture that can be read; allowed: {', '.join(formats)}") from None
    except Image.DecompressionBombError:
        raise UserError(f"{where}: far too many pixels; allowed: {most} in all") from None
    except _DAMAGE as error:
        reason = str(error).split("\n")[0][:80]
        raise UserError(f"{where}: damaged picture ({reason}); allowed: a whole {', '.join(formats)} file") from None


def _check_depth(picture: Image.Image, where: str) -> None:
    """Raise UserError for 16-bit levels below 2¹⁴ that are not all 0: of 10, 12 or 14 bits, which nothing names.

    Read as 16 bits they would be nearly black. Pillow gives all levels of grey, and only the high bytes of colours.
    """
    deep = any(";16" in str(tile.args) for tile in getattr(picture, "tile", ()))
    if not deep and not picture.mode.startswith("I;16"):
        return
    whole = picture.mode.startswith("I;16")
    bands = [picture] if whole else picture.split()
    colours = bands[: 1 if picture.mode == "LA" else 3]
    highest = max(int(np.asarray(band).max()) for band in colours)
    if 0 < highest < (2**14 if whole else 2**6):
        shown = highest if whole else 256 * highest + 255
        raise UserError(f"{where}: 16 bits with levels up to {shown} of 65535; allowed: 8 bits, or all of the 16")


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F"):
        raise ValueError(f"mode {picture.mode}, which does not say what is white")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")
