"""Augmentations: they differ each time, keep the size, and still show the picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attacks.augment.crop_color import jitter_colour, random_crop
from attacks.augment.ueraser import plasma
from attacks.parts import PARTS
from bench.datasets import load
from bench.spec import Method

AUGMENTATIONS = [name for name in PARTS.catalog if PARTS.build(Method(name=name)).augments]


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations_differ_and_come_from_the_generator(name: str) -> None:
    part, pixels = PARTS.build(Method(name=name)), load("emoji_smoke", "test")[3].pixels
    rng = np.random.default_rng(0)
    pictures = [part.augment(pixels, rng) for _ in range(4)]
    assert all(picture.shape == pixels.shape and picture.dtype == np.uint8 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert (part.augment(pixels, np.random.default_rng(0)) == pictures[0]).all()


def test_ueraser_has_k_candidates() -> None:
    assert PARTS.build(Method(name="ueraser")).candidates == 2
    assert PARTS.build(Method(name="ueraser", options={"k": 5})).candidates == 5
    assert PARTS.build(Method(name="crop_color")).candidates == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 60), st.integers(2, 60), st.floats(0.05, 1), st.integers(0, 2**31))
def test_a_crop_has_at_least_the_smallest_area(height: int, width: int, smallest: float, seed: int) -> None:
    """On a ramp, the range of values gives the width of the crop."""
    ramp = np.broadcast_to(np.linspace(0, 255, width).round().astype(np.uint8)[None, :, None], (height, width, 3))
    seen = np.asarray(random_crop(Image.fromarray(np.ascontiguousarray(ramp)), smallest, np.random.default_rng(seed)))
    assert seen.shape == ramp.shape
    assert np.ptp(seen) >= 255 * smallest * 3 / 4 - 2 * 255 / width - 2


def test_no_strength_is_no_change() -> None:
    pixels = load("emoji_smoke", "test")[0].pixels
    assert (jitter_colour(Image.fromarray(pixels), 0.0, np.random.default_rng(0)) == pixels).all()


def test_brightness_and_saturation_stay_within_their_strength_and_use_it() -> None:
    """Flat gray shows brightness alone and stays gray. The difference of red and green shows saturation too."""
    gray, flat = np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), (150, 100, 100), np.uint8)
    pictures = [jitter_colour(Image.fromarray(gray), 0.3, np.random.default_rng(seed)) for seed in range(200)]
    factors = np.array([picture[0, 0, 0] / 100 for picture in pictures])
    assert all((picture == picture[0, 0, 0]).all() for picture in pictures)
    assert 0.69 <= factors.min() < 0.75 and 1.25 < factors.max() <= 1.31
    chroma = [
        np.ptp(jitter_colour(Image.fromarray(flat), 0.3, np.random.default_rng(seed))[0, 0]) for seed in range(200)
    ]
    assert 50 * 0.7**3 - 2 <= min(chroma) < 30 and 70 < max(chroma) <= 50 * 1.3**3 + 2


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 2**31))
def test_a_cloud_goes_from_0_to_1_and_is_smooth(height: int, width: int, seed: int) -> None:
    cloud = plasma(height, width, np.random.default_rng(seed))
    assert cloud.shape == (height, width) and cloud.min() == 0 and cloud.max() <= 1
    if min(height, width) >= 32:
        assert np.abs(np.diff(cloud, axis=1)).mean() < 0.1


def test_the_strength_of_ueraser_is_how_much_it_changes() -> None:
    pixels = load("emoji_smoke", "test")[3].pixels

    def change(strength: float) -> float:
        part, rng = PARTS.build(Method(name="ueraser", options={"strength": strength})), np.random.default_rng(0)
        return float(np.mean([np.abs(part.augment(pixels, rng) - pixels.astype(float)).mean() for _ in range(20)]))

    weak, medium, full = map(change, (0.01, 0.5, 1.0))
    assert 2 * weak < medium < 0.8 * full, "a crop moves pixels at any strength"
