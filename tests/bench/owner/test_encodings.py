"""A protected picture keeps its format where that is lossless, and all that describes it."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from bench.errors import UserError
from bench.owner.encodings import encode, read_header, read_pixels
from bench.pictures import decode
from tests.bench.owner import files

EPSILON = 8
KINDS = files.kinds()


def shift(pixels: np.ndarray) -> np.ndarray:
    """A perturbation at the full budget."""
    signs = np.random.default_rng(0).choice([-EPSILON, EPSILON], pixels.shape)
    return np.clip(pixels + signs, 0, 255).astype(np.uint8)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("name", KINDS)
def test_the_file_has_the_protected_pixels_within_the_budget(name: str) -> None:
    clean = decode(KINDS[name], name)
    written, read = encode(KINDS[name], shift(clean), name)
    assert np.array_equal(decode(written, name), read)
    assert np.abs(read.astype(int) - clean).max() == EPSILON
    transparent = opened(KINDS[name]).has_transparency_data
    assert transparent or np.array_equal(read, shift(clean))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("plain.png", "PNG"), ("lossy.webp", "WEBP"), ("scan.tif", "TIFF"), ("old.bmp", "BMP"), ("photo.jpg", "PNG"),
     ("still.gif", "PNG"), ("cmyk.jpg", "PNG")],
)  # fmt: skip
def test_a_format_is_kept_where_it_is_lossless(name: str, expected: str) -> None:
    written, _ = encode(KINDS[name], shift(decode(KINDS[name], name)), name)
    assert opened(written).format == expected
    note = read_header(KINDS[name], name).note
    assert (f"becomes {expected}" in note) == (opened(KINDS[name]).format != expected)


@pytest.mark.parametrize("name", ["photo.jpg", "scan.tif"])
def test_orientation_and_exif_stay_and_the_stored_pixels_are_turned_back(name: str) -> None:
    before, (written, read) = opened(KINDS[name]), encode(KINDS[name], shift(decode(KINDS[name], name)), name)
    after = opened(written)
    assert after.size == before.size and np.array_equal(decode(written, name), read)
    for tag in (ExifTags.Base.Orientation, ExifTags.Base.Artist):
        assert after.getexif()[tag] == before.getexif()[tag]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_back(orientation: int) -> None:
    for file_format in ("PNG", "TIFF"):
        data = files.encode(files.picture("RGBA"), file_format, exif=files.exif(orientation))
        clean = decode(data, "p")
        written, read = encode(data, shift(clean), "p")
        assert opened(written).size == opened(data).size
        opaque = np.asarray(ImageOps.exif_transpose(opened(data)).getchannel("A")) == 255
        assert opaque.any() and np.array_equal(read[opaque], shift(clean)[opaque])
        assert np.abs(read.astype(int) - clean).max() <= EPSILON


@pytest.mark.parametrize("name", ["plain.png", "lossy.webp", "photo.jpg"])
def test_a_profile_for_rgb_stays(name: str) -> None:
    written, _ = encode(KINDS[name], shift(decode(KINDS[name], name)), name)
    assert opened(written).info["icc_profile"] == opened(KINDS[name]).info["icc_profile"]


def test_a_profile_for_grey_is_left_out_and_named() -> None:
    written, _ = encode(KINDS["grey.png"], shift(decode(KINDS["grey.png"], "g")), "g")
    assert "icc_profile" not in opened(written).info
    assert "colour profile" in read_header(KINDS["grey.png"], "g").note


def test_no_clean_copy_stays_in_the_exif() -> None:
    """A camera's thumbnail and its maker's note would be published unprotected."""
    thumbnail = opened(KINDS["thumbnail.JPG"]).getexif().get_ifd(ExifTags.IFD.IFD1)
    assert thumbnail
    for name in ("thumbnail.JPG", "photo.jpg", "lossy.webp"):
        written, _ = encode(KINDS[name], shift(decode(KINDS[name], name)), name)
        assert not opened(written).getexif().get_ifd(ExifTags.IFD.IFD1)
        assert b"PREVIEW" not in written and b"\xff\xd8\xff" not in written


@pytest.mark.parametrize("name", ["alpha.png", "alpha.webp", "clear.tiff"])
def test_alpha_stays_to_the_level_and_hidden_colours_too(name: str) -> None:
    before, (written, _) = opened(KINDS[name]), encode(KINDS[name], shift(decode(KINDS[name], name)), name)
    a, b = np.asarray(before.convert("RGBA")).astype(int), np.asarray(opened(written).convert("RGBA"))
    assert np.array_equal(a[..., 3], b[..., 3])
    hidden = a[..., 3] == 0
    assert np.array_equal(a[hidden], b[hidden]) and np.abs(a - b).max() <= EPSILON


def test_sixteen_bits_are_named() -> None:
    assert "16 bits become 8" in read_header(KINDS["deep.png"], "d").note


@pytest.mark.parametrize("name", [name for name in files.broken() if name != "truncated.png"])
def test_what_cannot_be_protected_is_named_from_its_header(name: str) -> None:
    data, reason = files.broken()[name]
    with pytest.raises(UserError, match=reason):
        read_header(data, name)


def test_a_phone_picture_with_a_second_one_is_written_without_it() -> None:
    data = files.encode(files.picture(), "MPO", save_all=True, append_images=[files.picture(seed=1)])
    protected = shift(decode(data, "m"))
    written, read = encode(data, protected, "m")
    assert np.array_equal(read, protected) and opened(written).format == "PNG"


def test_pixels_that_a_format_would_change_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lossy: Callable[..., dict[str, object]] = {"WEBP": {"quality": 10}}.get  # type: ignore[assignment]
    monkeypatch.setattr("bench.owner.encodings.SAVE", type("Lossy", (), {"get": staticmethod(lossy)}))
    with pytest.raises(UserError, match="WEBP does not keep these pixels"):
        encode(KINDS["lossy.webp"], shift(decode(KINDS["lossy.webp"], "w")), "w")


@pytest.mark.parametrize(("quality", "more_than"), [(100, 10), (95, 20)])
def test_jpeg_breaks_the_budget_even_at_its_best(quality: int, more_than: int) -> None:
    """This is why a protected JPEG becomes a PNG."""
    clean = files.pixels(size=(64, 64))
    data = files.encode(Image.fromarray(shift(clean)), "JPEG", quality=quality, subsampling=0)
    assert np.abs(decode(data, "j").astype(int) - clean).max() > more_than


def test_a_photograph_of_thirty_megapixels_is_read() -> None:
    data = files.encode(Image.new("1", (6500, 4800)), "PNG")
    assert read_header(data, "large.png").pixels == 6500 * 4800
    assert read_pixels(data, "large.png").shape == (4800, 6500, 3)
