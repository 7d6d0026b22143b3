"""Every purification agrees with an independent reference, and none leaves a picture unchanged."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from skimage.color import rgb2ycbcr
from skimage.filters import gaussian

from attacks.parts import PARTS, Purify
from bench.datasets import load
from bench.lvlm.pixels import resize
from bench.spec import Method

ALWAYS = {"gray": {"share": 1.0}}
"""Options with which a part changes every picture."""

PURIFICATIONS = [name for name in PARTS.catalog if issubclass(PARTS.get(name), Purify)]


def purify(name: str, pixels: np.ndarray, **options: float) -> np.ndarray:
    """Return a picture after the part."""
    part = PARTS.build(Method(name=name, options=options))
    assert isinstance(part, Purify)
    return part.purify(pixels, np.random.default_rng(0))


@pytest.fixture(scope="module")
def emoji() -> np.ndarray:
    return load("emoji_smoke", "test")[5].pixels


pictures = st.tuples(st.integers(2, 40), st.integers(2, 40), st.integers(0, 2**32 - 1)).map(
    lambda t: np.random.default_rng(t[2]).integers(0, 256, (t[0], t[1], 3), dtype=np.uint8)
)


@pytest.mark.parametrize("name", PURIFICATIONS)
def test_a_picture_changes_and_keeps_its_shape(name: str, emoji: np.ndarray) -> None:
    before = emoji.copy()
    done = purify(name, emoji, **ALWAYS.get(name, {}))
    assert done.shape == emoji.shape and done.dtype == np.uint8
    assert np.abs(done.astype(int) - emoji).max() >= 8, "a purification that changes nothing"
    np.testing.assert_array_equal(emoji, before)


@settings(max_examples=30, deadline=None)
@given(pictures, st.sampled_from(PURIFICATIONS))
def test_any_size_is_accepted(pixels: np.ndarray, name: str) -> None:
    done = purify(name, pixels)
    assert done.shape == pixels.shape and done.dtype == np.uint8


@pytest.mark.parametrize("quality", [10, 30, 75])
def test_jpeg_is_pillows(quality: int, emoji: np.ndarray) -> None:
    file = io.BytesIO()
    Image.fromarray(emoji).save(file, format="jpeg", quality=quality)  # Pillow's default is 4:2:0 too
    np.testing.assert_array_equal(purify("jpeg", emoji, quality=quality), np.asarray(Image.open(file)))


def test_gray_has_the_luma_and_no_colour(emoji: np.ndarray) -> None:
    done = purify("gray", emoji, share=1)
    assert (done == done[..., :1]).all()
    luma = (rgb2ycbcr(emoji)[..., 0] - 16) * 255 / 219
    assert np.abs(done[..., 0] - luma).max() < 1.5


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_gray_takes_the_colour_of_a_share_of_the_pictures(share: float, emoji: np.ndarray) -> None:
    part, rng = PARTS.build(Method(name="gray", options={"share": share})), np.random.default_rng(0)
    assert isinstance(part, Purify)
    done = [part.purify(emoji, rng) for _ in range(400)]
    gray = [(picture == picture[..., :1]).all() for picture in done]
    assert abs(np.mean(gray) - share) < 0.08
    assert all((picture == emoji).all() for picture, without in zip(done, gray, strict=True) if not without)


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 7])
def test_bit_depth_rounds_to_the_nearest_of_its_levels(bits: int) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    done = purify("bit_depth", ramp, bits=bits)
    levels = np.unique(done)
    assert len(levels) == 2**bits and levels[0] == 0 and levels[-1] == 255
    nearest = np.abs(ramp[..., None].astype(int) - levels).min(-1)
    assert (np.abs(ramp.astype(int) - done) <= nearest + 1).all()


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
def test_blur_is_a_gaussian_and_blurs(sigma: float, emoji: np.ndarray) -> None:
    done = purify("blur", emoji, sigma=sigma)
    reference = gaussian(emoji / 255, sigma, mode="reflect", channel_axis=2) * 255
    assert np.abs(done - reference).max() < 3.0
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert purify("blur", noise, sigma=sigma).std() < 0.95 * noise.std(), "an identity, as in a published benchmark"


def test_median_is_pillows_inside(emoji: np.ndarray) -> None:
    reference = np.asarray(Image.fromarray(emoji).filter(ImageFilter.MedianFilter(3)))
    np.testing.assert_array_equal(purify("median", emoji)[1:-1, 1:-1], reference[1:-1, 1:-1])


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.9])
def test_resize_is_bicubic_in_both_directions(scale: float, emoji: np.ndarray) -> None:
    """Compare with the resizing matrices of the models' preprocessing."""
    levels = torch.from_numpy(emoji.copy()).permute(2, 0, 1).float()
    small = resize(levels, (round(64 * scale), round(64 * scale)), "bicubic", "pillow")
    expected = resize(small, (64, 64), "bicubic", "pillow").permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(purify("resize", emoji, scale=scale), expected)


def test_resize_removes_a_checkerboard() -> None:
    board = np.where(np.indices((32, 32)).sum(0)[..., None] % 2, 132, 124).repeat(3, axis=2).astype(np.uint8)
    assert np.ptp(purify("resize", board)) <= 2 < np.ptp(board)


def test_noise_has_its_standard_deviation_and_comes_from_the_generator(emoji: np.ndarray) -> None:
    flat = np.full((64, 64, 3), 128, np.uint8)
    done = purify("noise", flat, sigma=12)
    assert done.std() == pytest.approx(12, rel=0.05) and done.mean() == pytest.approx(128, abs=0.5)
    part = PARTS.build(Method(name="noise"))
    again = [part.purify(emoji, np.random.default_rng(seed)) for seed in (0, 0, 1)]  # type: ignore[attr-defined]
    assert (again[0] == again[1]).all() and (again[0] != again[2]).any()
