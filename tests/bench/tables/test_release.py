"""Changes that a release made to pictures and words."""

import numpy as np
import pytest

from bench.tables.release import amplify_difference, enlarge, find_inserted, largest_change


def test_a_difference_is_tenfold_around_gray_and_does_not_wrap() -> None:
    original = np.array([[[100, 100, 0]]], np.uint8)
    released = np.array([[[101, 92, 255]]], np.uint8)
    assert amplify_difference(original, released).tolist() == [[[138, 48, 255]]]
    assert amplify_difference(original, original).tolist() == [[[128] * 3]]


def test_the_largest_change_is_in_levels_and_does_not_wrap() -> None:
    dark, bright = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert largest_change(dark, bright) == largest_change(bright, dark) == 255


def test_enlarging_repeats_whole_pixels() -> None:
    small = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    large = enlarge(small)
    assert large.shape == (384, 288, 3)
    assert (large[::48, ::48] == small).all()
    assert enlarge(np.zeros((500, 20, 3), np.uint8)).shape == (500, 20, 3)


@pytest.mark.parametrize(
    ("original", "released", "inserted"),
    [
        ("what is this", "what is this", []),
        ("what is", "oh what really is now", ["oh", "really", "now"]),
        ("is it", "is is it", ["is"]),
        ("", "new", ["new"]),
        ("a <b> c", "a <i> <b> c", ["<i>"]),
    ],
)
def test_words_that_are_not_in_the_original_are_inserted(original: str, released: str, inserted: list[str]) -> None:
    words = find_inserted(original, released)
    assert [word for word, _ in words] == released.split()
    assert [word for word, new in words if new] == inserted
