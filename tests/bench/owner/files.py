"""Picture files of every kind that an owner has, drawn here."""

import io
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms

SIDE = (40, 60)
"""Height and width."""


def pixels(seed: int = 0, size: tuple[int, int] = SIDE) -> np.ndarray:
    """Coloured fields that JPEG keeps well."""
    rng = np.random.default_rng(seed)
    fields = Image.fromarray(rng.integers(60, 196, (4, 6, 3), dtype=np.uint8))
    return np.asarray(fields.resize(size[::-1], Image.Resampling.NEAREST))


def picture(mode: str = "RGB", seed: int = 0) -> Image.Image:
    """The fields in a mode; with alpha from 0 at the left to 255 at the right."""
    drawn = Image.fromarray(pixels(seed))
    if mode != "RGBA":
        return drawn.convert(mode)
    alpha = np.tile(np.linspace(0, 255, SIDE[1]).astype(np.uint8), (SIDE[0], 1))
    drawn.putalpha(Image.fromarray(alpha))
    return drawn


def encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF with an artist, a comment, and a maker's note."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation], tags[ExifTags.Base.Artist] = orientation, "Ada"
    tags.get_ifd(ExifTags.IFD.Exif).update({37510: b"ASCII\0\0\0hello", 37500: b"PREVIEW"})
    return tags


def exif_with_thumbnail() -> bytes:
    """EXIF whose second directory is a small JPEG of the picture, as cameras write it."""
    small = encode(picture().resize((12, 8)), "JPEG")
    first = struct.pack("<HHHLLL", 1, 0x0112, 3, 1, 1, 26)
    start = 26 + 2 + 2 * 12 + 4
    second = struct.pack("<H", 2) + struct.pack("<HHLL", 0x0201, 4, 1, start)
    second += struct.pack("<HHLL", 0x0202, 4, 1, len(small)) + struct.pack("<L", 0)
    return b"Exif\0\0II*\0" + struct.pack("<L", 8) + first + second + small


def rgb_profile() -> bytes:
    """An ICC profile for RGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def grey16(low: int = 0) -> bytes:
    """A PNG of 16-bit grey."""
    levels = np.linspace(low, 65535, SIDE[0] * SIDE[1]).astype(np.uint16).reshape(SIDE)
    return encode(Image.fromarray(levels), "PNG")


def kinds() -> dict[str, bytes]:
    """Pictures that can be protected, by the names of their files."""
    grey_profile = rgb_profile()[:16] + b"GRAY" + rgb_profile()[20:]
    return {
        "plain.png": encode(picture(), "PNG", icc_profile=rgb_profile()),
        "alpha.png": encode(picture("RGBA", 1), "PNG"),
        "alpha.webp": encode(picture("RGBA", 1), "WEBP", lossless=True, exact=True),
        "lossy.webp": encode(picture(seed=2), "WEBP", quality=90, exif=exif().tobytes(), icc_profile=rgb_profile()),
        "photo.jpg": encode(picture(seed=3), "JPEG", exif=exif(6), icc_profile=rgb_profile()),
        "thumbnail.JPG": encode(picture(seed=3), "JPEG", exif=exif_with_thumbnail()),
        "cmyk.jpg": encode(picture("CMYK", 4), "JPEG"),
        "grey.png": encode(picture("L", 5), "PNG", icc_profile=grey_profile),
        "palette.png": encode(picture("P", 6), "PNG"),
        "still.gif": encode(picture("P", 7), "GIF"),
        "deep.png": grey16(),
        "scan.tif": encode(picture(seed=8), "TIFF", exif=exif(8)),
        "clear.tiff": encode(picture("RGBA", 9), "TIFF"),
        "old.bmp": encode(picture(seed=10), "BMP"),
        "one bit.png": encode(picture("1", 11), "PNG"),
    }


@cache
def broken() -> dict[str, tuple[bytes, str]]:
    """Files that cannot be protected, and a part of the reason."""
    frames = [picture("P", seed) for seed in (20, 21)]
    whole = encode(picture(seed=22), "PNG")
    return {
        "moving.gif": (encode(frames[0], "GIF", save_all=True, append_images=frames[1:]), "2 frames"),
        "moving.webp": (encode(picture(), "WEBP", save_all=True, append_images=[picture(seed=1)]), "2 frames"),
        "moving.png": (encode(picture(), "PNG", save_all=True, append_images=[picture(seed=1)]), "2 frames"),
        "pages.tif": (encode(picture(), "TIFF", save_all=True, append_images=[picture(seed=1)]), "2 frames"),
        "truncated.png": (whole[: len(whole) // 2], "damaged"),
        "empty.jpg": (b"", "no picture"),
        "text.png": (b"hello", "no picture"),
        "huge.png": (encode(Image.new("1", (8200, 8200)), "PNG"), "8200x8200 pixels"),
    }


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
