import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import bench.pictures
from bench.errors import UserError
from bench.pictures import FORMATS, decode

RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (21, 34, 3), dtype=np.uint8)


def written(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of side x side pixels in about a ten-thousandth of their bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer, row = zlib.compressobj(9), bytes(1 + 3 * side)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_files_give_their_pixels(form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = decode(written(Image.fromarray(PIXELS), form, **options), "x")
    assert decoded.dtype == np.uint8 and np.array_equal(decoded, PIXELS)


def test_a_jpeg_is_near_its_pixels() -> None:
    smooth = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 40, 0).repeat(3, 2)
    decoded = decode(written(Image.fromarray(smooth), "JPEG", quality=95), "x")
    assert np.abs(decoded.astype(int) - smooth).max() <= 3


def test_of_a_moving_gif_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    assert (decode(written(frames[0], "GIF", save_all=True, append_images=frames[1:]), "x") == (255, 0, 0)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(orientation: int) -> None:
    """Against the eight cases of the EXIF standard, written with NumPy."""
    flips = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: p[::-1].transpose(1, 0, 2),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: p[:, ::-1].transpose(1, 0, 2),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode(written(Image.fromarray(PIXELS), "PNG", exif=exif), "x"), flips[orientation](PIXELS))


def test_transparent_pictures_lie_on_white() -> None:
    alpha = RNG.integers(0, 256, PIXELS.shape[:2], dtype=np.uint8)
    rgba = np.dstack([PIXELS, alpha])
    share = alpha[..., None] / 255
    expected = PIXELS * share + 255 * (1 - share)
    assert np.abs(decode(written(Image.fromarray(rgba), "PNG"), "x") - expected).max() <= 1

    grey = np.dstack([PIXELS[..., 0], alpha])
    expected = PIXELS[..., :1] * share + 255 * (1 - share)
    assert np.abs(decode(written(Image.fromarray(grey, "LA"), "PNG"), "x") - expected).max() <= 1


def test_a_transparent_colour_of_a_palette_is_white() -> None:
    palette = Image.new("P", (4, 2), 1)
    palette.putpalette([0, 0, 0, 200, 10, 20])
    palette.putpixel((0, 0), 0)
    decoded = decode(written(palette, "PNG", transparency=0), "x")
    assert tuple(decoded[0, 0]) == (255, 255, 255) and tuple(decoded[1, 1]) == (200, 10, 20)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_high_byte(form: str) -> None:
    deep = RNG.integers(0, 65536, (5, 7), dtype=np.uint16)
    assert np.array_equal(decode(written(Image.fromarray(deep), form), "x"), (deep // 256)[..., None].repeat(3, 2))


def test_grey_black_and_cmyk_pictures_become_rgb() -> None:
    grey = Image.fromarray(PIXELS[..., 0])
    assert np.array_equal(decode(written(grey, "PNG"), "x"), PIXELS[..., :1].repeat(3, 2))
    bits = grey.point(lambda v: 255 * (v > 127)).convert("1")
    assert set(np.unique(decode(written(bits, "PNG"), "x"))) == {0, 255}
    cyan = Image.new("CMYK", (9, 9), (255, 0, 0, 0))
    assert np.abs(decode(written(cyan, "JPEG", quality=95), "x").astype(int) - (0, 255, 255)).max() <= 3


def test_numbers_without_a_white_are_refused() -> None:
    with pytest.raises(UserError, match=r"^row 4: damaged picture \(mode F"):
        decode(written(Image.new("F", (3, 3)), "TIFF"), "row 4")


@pytest.mark.parametrize("form", FORMATS)
def test_a_truncated_file_gets_one_line(form: str) -> None:
    """Noise does not compress, so that half of a file is not half of its header."""
    noise = Image.fromarray(RNG.integers(0, 256, (120, 90, 3), dtype=np.uint8))
    whole = written(noise, form, **({"compression": "tiff_adobe_deflate"} if form == "TIFF" else {}))
    decode(whole, "x")
    for share in (0.02, 0.5, 0.9):
        with pytest.raises(UserError) as error:
            decode(whole[: int(len(whole) * share)], "pets/3.png")
        assert str(error.value).startswith("pets/3.png: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("data", [b"", b"GIF", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"P6 1 1 255 abc"])
def test_other_formats_are_refused(data: bytes) -> None:
    with pytest.raises(UserError, match=r"^x: no picture that can be read; allowed: PNG, JPEG"):
        decode(data, "x")


def test_a_large_picture_is_refused_by_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(Image.fromarray(PIXELS), "PNG")
    monkeypatch.setattr(bench.pictures, "MAX_PIXELS", PIXELS.shape[0] * PIXELS.shape[1])
    decode(data, "x")
    monkeypatch.setattr(bench.pictures, "MAX_PIXELS", PIXELS.shape[0] * PIXELS.shape[1] - 1)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(UserError, match=r"^x: 34x21 pixels; allowed: 713 in all"):
        decode(data, "x")


@pytest.mark.parametrize("side", [5_000, 12_000, 20_000])
def test_bombs_are_refused_without_their_memory(side: int) -> None:
    """A process that may hold 50 MB more than it does refuses a bomb of 75 MB to 1.2 GB, without a warning."""
    program = (
        "import pathlib, resource, sys, warnings; warnings.simplefilter('error')\n"
        "from bench.pictures import decode, UserError\n"
        "data, pages = sys.stdin.buffer.read(), int(pathlib.Path('/proc/self/statm').read_text().split()[0])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4096 * pages + 50 * 2**20,) * 2)\n"
        "try: decode(data, 'b.png')\n"
        "except UserError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=bomb(side), capture_output=True, check=True)
    line = done.stdout.decode()
    assert line.startswith("b.png: ") and "allowed: 16777216 in all" in line and not done.stderr


SMALL = {form: written(Image.fromarray(PIXELS), form) for form in FORMATS}


@given(st.sampled_from(FORMATS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_damage_is_told_or_tolerated_but_never_escapes(form: str, hits: list[tuple[float, int]]) -> None:
    data = bytearray(SMALL[form])
    for place, value in hits:
        data[int(place * (len(data) - 1))] = value
    try:
        pixels = decode(bytes(data), "x")
    except UserError as error:
        lines = str(error).split("\n")
    else:
        lines = ["x: whole"] if pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8 else []
    assert len(lines) == 1 and lines[0].startswith("x: ")


def deep_png(levels: np.ndarray) -> bytes:
    """Return a PNG of 16 bits, of (H, W) gray or (H, W, 3) colour levels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], 16, 2 if levels.ndim == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in chunks)


@pytest.mark.parametrize("size", [(6, 8), (6, 8, 3)])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_sixteen_bits_that_hold_fewer_are_told(size: tuple[int, ...], bits: int) -> None:
    """Their high bytes alone would be nearly black. Scaled to all of the 16 bits they are read."""
    levels = np.random.default_rng(bits).integers(0, 2**bits, size, dtype=np.uint16)
    levels.flat[0] = 2**bits - 1
    with pytest.raises(UserError, match=rf"^x: 16 bits with levels up to {2**bits - 1} of 65535; allowed: 8 bits"):
        decode(deep_png(levels), "x")
    scaled = levels << (16 - bits)
    high = (scaled >> 8).astype(np.uint8)
    assert np.array_equal(decode(deep_png(scaled), "x"), high if high.ndim == 3 else np.repeat(high[..., None], 3, 2))
