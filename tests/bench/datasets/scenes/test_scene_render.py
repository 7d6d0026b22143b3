"""Things are drawn in their quarters and nowhere else, from the generator alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.datasets.emoji.render import COLOURS
from bench.datasets.scenes.render import GROUNDS, PLACES, THINGS, render

seeds = st.integers(0, 2**32 - 1)
scenes = st.lists(st.sampled_from(THINGS), max_size=4, unique=True).flatmap(
    lambda things: st.tuples(st.just(things), st.permutations(range(4)).map(lambda p: p[: len(things)]))
)


def occupied(pixels: np.ndarray, ground: str) -> set[int]:
    """Quarters that hold something whose colour is no shade of the ground."""
    shade = pixels / np.array(COLOURS[ground])
    foreign = (shade.max(2) - shade.min(2) > 0.25) & (pixels.max(2) < 255)
    return {p for p in range(4) if foreign[32 * (p // 2) :, 32 * (p % 2) :][:32, :32].sum() > 25}


@given(seeds, st.sampled_from(GROUNDS), scenes)
@settings(max_examples=40, deadline=None)
def test_the_quarters_that_were_asked_for_are_occupied(seed: int, ground: str, scene) -> None:
    things, places = scene
    pixels = render(ground, things, places, np.random.default_rng(seed))
    assert pixels.shape == (64, 64, 3)
    assert pixels.dtype == np.uint8
    assert occupied(pixels, ground) == set(places)


@given(seeds, seeds)
@settings(max_examples=20, deadline=None)
def test_a_scene_is_a_function_of_its_seed(one: int, other: int) -> None:
    first, again, second = (render("blue", THINGS[:2], [0, 3], np.random.default_rng(s)) for s in (one, one, other))
    np.testing.assert_array_equal(first, again)
    assert (one == other) == bool((first == second).all())


def test_the_ground_is_shades_of_one_colour() -> None:
    for ground in GROUNDS:
        pixels = render(ground, [], [], np.random.default_rng(3))
        shade = pixels / np.array(COLOURS[ground])
        inside = pixels < 255
        assert (np.abs(shade[inside] - 1) < 0.4).all()
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10


def test_there_is_a_place_for_every_thing() -> None:
    assert len(THINGS) == len(PLACES) == len(GROUNDS) == 4
