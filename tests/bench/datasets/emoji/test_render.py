"""The renderer draws what it says it drew, and the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.datasets.emoji.art import concepts
from bench.datasets.emoji.render import COLOURS, SIZE, render

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(0, 1374))
@settings(max_examples=20)
def test_a_rendering_is_a_function_of_art_and_seed(seed: int, index: int) -> None:
    art = concepts()[index].art
    before = art.tobytes()
    one, again = (render(art, np.random.default_rng(seed)) for _ in range(2))
    other = render(art, np.random.default_rng(seed + 1))
    assert one.pixels.shape == (SIZE, SIZE, 3)
    assert one.pixels.dtype == np.uint8
    np.testing.assert_array_equal(one.pixels, again.pixels)
    assert (one.background, one.large) == (again.background, again.large)
    assert (one.pixels != other.pixels).any()
    assert art.tobytes() == before


@given(seeds)
def test_the_background_is_shades_of_the_named_colour(seed: int) -> None:
    nothing = Image.new("RGBA", (96, 96))
    drawn = render(nothing, np.random.default_rng(seed))
    shade = drawn.pixels / np.array(COLOURS[drawn.background])
    inside = drawn.pixels < 255
    assert (np.abs(shade[inside] - 1) < 0.4).all()
    for channel in (0, 1):
        both = inside[..., channel] & inside[..., 2]
        assert (np.abs(shade[..., channel] - shade[..., 2])[both] < 0.03).all()


def test_large_says_how_large_the_figure_is() -> None:
    magenta = Image.new("RGBA", (96, 96), (255, 0, 255, 255))
    kinds = set()
    for seed in range(40):
        drawn = render(magenta, np.random.default_rng(seed))
        rows = np.flatnonzero((drawn.pixels == (255, 0, 255)).all(2).any(1))
        height = rows[-1] - rows[0] + 1
        assert 0.55 * SIZE <= height <= SIZE
        if abs(height - 0.8 * SIZE) > 3:
            assert drawn.large == (height > 0.8 * SIZE)
            kinds.add(drawn.large)
    assert kinds == {True, False}


def test_all_colours_are_drawn() -> None:
    nothing = Image.new("RGBA", (96, 96))
    drawn = {render(nothing, np.random.default_rng(seed)).background for seed in range(100)}
    assert drawn == set(COLOURS)


@pytest.mark.parametrize("index", [0, 700, 1374])
def test_the_figure_is_visible(index: int) -> None:
    seeds = np.random.default_rng(3), np.random.default_rng(3)
    figure, empty = render(concepts()[index].art, seeds[0]), render(Image.new("RGBA", (96, 96)), seeds[1])
    assert (figure.pixels != empty.pixels).any(2).mean() > 0.05
