"""Looks at a picture: other each time, of the same size, and still of that picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attacks.augment.crop_color import coloured, cropped
from attacks.augment.ueraser import plasma
from attacks.parts import PARTS
from bench.datasets import load
from bench.spec import Method


@pytest.mark.parametrize("name", ["crop_color", "ueraser"])
def test_every_look_differs_and_comes_from_the_generator(name: str) -> None:
    part, pixels = PARTS.build(Method(name=name)), load("emoji_smoke", "test")[3].pixels
    assert part.augments
    rng = np.random.default_rng(0)
    looks = [part.view(pixels, rng) for _ in range(4)]
    assert all(look.shape == pixels.shape and look.dtype == np.uint8 for look in looks)
    assert len({look.tobytes() for look in looks}) == 4
    assert (part.view(pixels, np.random.default_rng(0)) == looks[0]).all()


def test_ueraser_looks_as_often_as_it_is_told() -> None:
    assert PARTS.build(Method(name="ueraser")).views == 5
    assert PARTS.build(Method(name="ueraser", options={"k": 2})).views == 2
    assert PARTS.build(Method(name="crop_color")).views == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 60), st.integers(2, 60), st.floats(0.05, 1), st.integers(0, 2**31))
def test_a_crop_shows_as_much_as_it_must(height: int, width: int, smallest: float, seed: int) -> None:
    """On a ramp the range of what is seen tells the crop's width."""
    ramp = np.broadcast_to(np.linspace(0, 255, width).round().astype(np.uint8)[None, :, None], (height, width, 3))
    seen = np.asarray(cropped(Image.fromarray(np.ascontiguousarray(ramp)), smallest, np.random.default_rng(seed)))
    assert seen.shape == ramp.shape
    assert np.ptp(seen) >= 255 * smallest * 3 / 4 - 2 * 255 / width - 2


def test_no_strength_is_no_change() -> None:
    pixels = load("emoji_smoke", "test")[0].pixels
    assert (coloured(Image.fromarray(pixels), 0.0, np.random.default_rng(0)) == pixels).all()


def test_brightness_and_saturation_stay_within_their_strength_and_use_it() -> None:
    """Flat gray shows brightness alone, and stays gray; what is left of red against green shows saturation too."""
    gray, flat = np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), (150, 100, 100), np.uint8)
    looks = [coloured(Image.fromarray(gray), 0.3, np.random.default_rng(seed)) for seed in range(200)]
    factors = np.array([look[0, 0, 0] / 100 for look in looks])
    assert all((look == look[0, 0, 0]).all() for look in looks)
    assert 0.69 <= factors.min() < 0.75 and 1.25 < factors.max() <= 1.31
    chroma = [np.ptp(coloured(Image.fromarray(flat), 0.3, np.random.default_rng(seed))[0, 0]) for seed in range(200)]
    assert 50 * 0.7**3 - 2 <= min(chroma) < 30 and 70 < max(chroma) <= 50 * 1.3**3 + 2


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 2**31))
def test_a_cloud_goes_from_0_to_1_and_is_smooth(height: int, width: int, seed: int) -> None:
    cloud = plasma(height, width, np.random.default_rng(seed))
    assert cloud.shape == (height, width) and cloud.min() == 0 and cloud.max() <= 1
    if min(height, width) >= 32:
        assert np.abs(np.diff(cloud, axis=1)).mean() < 0.1
