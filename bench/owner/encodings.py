"""Picture files with other pixels: the same format, orientation, alpha channel, EXIF and colour profile.

A perturbation does not survive being rounded by JPEG or by a palette, so those become PNG.
"""

import io
from typing import Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

from bench.errors import UserError
from bench.pictures import decode, open_picture

MAX_PIXELS, MAX_FILE = 2**26, 2**28
"""Most pixels and bytes of an owner's picture. In memory a pixel takes about 200 bytes while it is perturbed."""

LOSSLESS = {"PNG": (".png",), "WEBP": (".webp",), "BMP": (".bmp", ".dib"), "TIFF": (".tif", ".tiff")}
"""The formats that are kept, and the endings of their names."""

ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".mpo")
"""Endings of the names of pictures."""

SAVE: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True, "exact": True}}
"""The settings of Pillow by which a format loses nothing, and keeps the colours under full transparency."""

TURN_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""The turn from an upright picture to the stored one, by EXIF orientation."""

DESCRIPTIVE = frozenset({270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432})
"""Tags of a TIFF that describe the picture; the others say how its pixels are stored."""

MAKER_NOTE = 37500
"""An EXIF tag in which cameras keep what they like, often a small copy of the picture."""


class Header(NamedTuple):
    """The facts of a picture file before its pixels are read. `note`: what the protected file cannot keep, or ""."""

    format: str
    pixels: int
    note: str


def read_header(data: bytes, where: str) -> Header:
    """Return the facts of a picture file.

    Raises UserError as `decode` does for one that is none, and for one with several frames: the others would be
    published as they are.
    """
    with open_picture(data, where, most=MAX_PIXELS) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format != "MPO":
            raise UserError(f"{where}: {frames} frames or pages; allowed: one, since the others would stay as they are")
        return Header(str(picture.format), picture.width * picture.height, _describe_changes(picture))


def read_pixels(data: bytes, where: str) -> np.ndarray:
    """Return the pixels of an owner's picture. Raises UserError as `decode` does."""
    return decode(data, where, MAX_PIXELS)


def written_format(source: str) -> str:
    """Return the format in which a picture of a format is written.

    >>> written_format("WEBP"), written_format("JPEG")
    ('WEBP', 'PNG')
    """
    return source if source in LOSSLESS else "PNG"


def _describe_changes(picture: Image.Image) -> str:
    """Return what the protected file cannot keep, with commas."""
    deep = picture.mode.startswith("I;16") or any(";16" in str(tile.args) for tile in getattr(picture, "tile", ()))
    kept = ("RGB", "RGBA")
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    written = written_format(str(picture.format))
    changes = (
        "" if picture.format == written else f"{picture.format} becomes {written}",
        "16 bits become 8" if deep else "",
        "" if picture.mode in kept or deep else f"mode {picture.mode} becomes {mode}",
        "its colour profile is left out: it is not for RGB" if _profile(picture) == "other" else "",
    )
    return ", ".join(filter(None, changes))


def _profile(picture: Image.Image) -> str:
    """Return "rgb" for a picture with an ICC profile for RGB, "other" for another profile, and "" without one."""
    profile = picture.info.get("icc_profile")
    return "" if not profile else "rgb" if profile[16:20] == b"RGB " else "other"


def encode(data: bytes, protected: np.ndarray, where: str) -> tuple[bytes, np.ndarray]:
    """Return the file of a picture with other pixels, and those pixels as `decode` reads them from it.

    protected: upright pixels (H, W, 3) uint8, as `decode` returns them of `data`. Behind transparency the change is
    made on the colours, so it shows as far as they do. Raises UserError where the file would not hold these pixels.
    """
    with open_picture(data, where, most=MAX_PIXELS) as picture:
        kept = {"exif": _exif(picture)} if picture.getexif() else {}
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
        transparent = picture.has_transparency_data
        pixels = _with_alpha(picture, read_pixels(data, where), protected) if transparent else protected
        if _profile(picture) == "rgb":
            kept["icc_profile"] = picture.info["icc_profile"]
        file_format = written_format(str(picture.format))
    buffer = io.BytesIO()
    _turn_back(pixels, orientation).save(buffer, file_format, **kept, **SAVE.get(file_format, {}))
    written = buffer.getvalue()
    read = read_pixels(written, where)
    if not transparent and not np.array_equal(read, protected):
        raise UserError(f"{where}: {file_format} does not keep these pixels; allowed: a format that keeps them")
    return written, read


def _turn_back(upright: np.ndarray, orientation: Any) -> Image.Image:
    """Return upright pixels as they are stored in a file with this EXIF orientation."""
    picture, turn = Image.fromarray(upright), TURN_BACK.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _with_alpha(picture: Image.Image, clean: np.ndarray, protected: np.ndarray) -> np.ndarray:
    """Return upright pixels (H, W, 4): the picture's own colours with the change of what shows, where anything does."""
    pixels = np.array(ImageOps.exif_transpose(picture).convert("RGBA"))
    change = (protected.astype(int) - clean) * (pixels[..., 3:] > 0)
    pixels[..., :3] = np.clip(pixels[..., :3] + change, 0, 255)
    return pixels


def _exif(picture: Image.Image) -> bytes:
    """Return the EXIF of a picture without the small clean copies that cameras keep in it."""
    exif = picture.getexif()
    if picture.format == "TIFF":
        for tag in set(exif) - DESCRIPTIVE:
            del exif[tag]
    exif.get_ifd(ExifTags.IFD.Exif).pop(MAKER_NOTE, None)
    return exif.tobytes()
