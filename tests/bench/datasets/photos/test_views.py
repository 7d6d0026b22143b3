"""A view is a part of its photograph, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.datasets.photos.photographs import photographs
from bench.datasets.photos.views import MAX_ASPECT, SIZE, view

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(40, 128)


def ramps(width: int, height: int) -> Image.Image:
    """Red encodes how far to the right a pixel is and green how far down, in hundreds and twenties of a level."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x + 60, y + 60, np.full_like(x, 100)], axis=-1).astype(np.uint8))


@given(seeds, sides, sides)
@settings(max_examples=25)
def test_a_view_is_a_function_of_photograph_and_seed(seed: int, width: int, height: int) -> None:
    picture = ramps(width, height)
    before = picture.tobytes()
    one, again, other = (view(picture, np.random.default_rng(s)) for s in (seed, seed, seed + 1))
    assert one.shape == (SIZE, SIZE, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    assert picture.tobytes() == before


@given(seeds, sides, sides)
@settings(max_examples=25)
def test_a_view_shows_most_of_the_middle_and_nothing_else(seed: int, width: int, height: int) -> None:
    """The colours give the place of a view's edges in the photograph, and the blue channel gives the brightness."""
    pixels = view(ramps(width, height), np.random.default_rng(seed)).astype(float)
    light = np.median(pixels[..., 2]) / 100
    assert 0.84 <= light <= 1.16
    for channel, side, other in ((0, width, height), (1, height, width)):
        places = pixels[..., channel] / light - 60
        low, high = places.min(), places.max()
        cut = min(side, MAX_ASPECT * other)
        assert low >= -2 and high <= side + 1
        assert 0.75 * cut - 3 <= high - low <= cut + 2


@given(sides, sides)
@settings(max_examples=25)
def test_the_whole_view_is_the_middle_as_pillow_resizes_it(width: int, height: int) -> None:
    picture = ramps(width, height)
    wide, high = min(width, MAX_ASPECT * height), min(height, MAX_ASPECT * width)
    box = ((width - wide) / 2, (height - high) / 2, (width + wide) / 2, (height + high) / 2)
    expected = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box))
    np.testing.assert_array_equal(view(picture), expected)


def test_a_small_photograph_is_shown_whole() -> None:
    pixels = view(ramps(80, 60)).astype(int)
    assert abs(pixels[0, 0, 0] - 60) <= 1 and abs(pixels[-1, -1, 0] - 139) <= 1
    assert abs(pixels[0, 0, 1] - 60) <= 1 and abs(pixels[-1, -1, 1] - 119) <= 1


def test_some_views_are_mirrored_and_none_stands_on_its_head() -> None:
    views = [view(ramps(128, 96), np.random.default_rng(seed)).astype(int) for seed in range(40)]
    mirrored = [v[:, 0, 0].mean() > v[:, -1, 0].mean() for v in views]
    assert 8 <= sum(mirrored) <= 32
    assert all(v[0, :, 1].mean() < v[-1, :, 1].mean() for v in views)


def test_views_differ_in_light() -> None:
    light = [np.median(view(ramps(128, 96), np.random.default_rng(seed))[..., 2]) for seed in range(60)]
    assert min(light) < 92 and max(light) > 108


@pytest.mark.parametrize("index", [0, 100, 227])
def test_a_view_looks_like_its_photograph(index: int) -> None:
    picture = photographs()[index].picture
    whole = view(picture).astype(float)
    small = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC)).astype(float)
    assert np.corrcoef(whole.ravel(), small.ravel())[0, 1] > 0.5
