"""Any bytes are a picture within the limits, or one printable line."""

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.errors import UserError
from bench.pictures import FORMATS, MAX_PIXELS, decode
from tests.fuzz.mutations import check_line, damaged

PIXELS = np.random.default_rng(5).integers(0, 256, (19, 23, 4), dtype=np.uint8)
PIECES = [
    b"\0" * 4,
    b"\xff" * 4,
    b"\xff\xd8",
    b"IHDR",
    b"IDAT",
    b"acTL",
    b"zTXt",
    b"Exif\0\0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"II*\0",
    b"RIFF",
]


def written(form: str, mode: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, form)
    return buffer.getvalue()


WHOLES = [written(form, mode) for form in FORMATS for mode in ("RGB", "L")] + [
    written("PNG", "RGBA"),
    written("PNG", "P"),
]


@given(damaged(WHOLES, PIECES) | st.binary(max_size=100))
def test_any_bytes_are_a_picture_or_one_line(content: bytes) -> None:
    try:
        pixels = decode(content, "x")
    except UserError as error:
        check_line(error, 300)
    else:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        assert 0 < pixels.shape[0] * pixels.shape[1] <= MAX_PIXELS
