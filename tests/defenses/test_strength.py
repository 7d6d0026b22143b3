"""Every gradient-made method on its own objective: more steps and a larger budget are never weaker."""

from collections.abc import Callable
from itertools import pairwise

import pytest

PIXELS = ("em", "em_class", "hypo", "tap", "sem", "uc", "bait", "mem", "mmguard", "mmguard_crs")
MAX = ("mmguard_bph_max", "mmguard_crs_max")
SAME_LOOP = ("hypo", "mmguard_crs")
"""Their budget is held by the code of `em` and `mmguard`, on an objective alike."""


@pytest.mark.parametrize("name", PIXELS + MAX)
def test_more_steps_are_never_weaker(name: str, game: Callable) -> None:
    play = game(name, image_steps=3)
    found = [play.objective()]
    for _ in range(2):
        play.steps()
        found.append(play.objective())
    assert found[0] > found[1] > found[2], f"after 0, 3 and 6 steps: {found}"


@pytest.mark.parametrize("name", [name for name in PIXELS if name not in SAME_LOOP])
def test_a_larger_budget_is_never_weaker(name: str, game: Callable) -> None:
    """Steps of a third of the budget, so that each can use it; 5 % of the gain is taken for noise."""
    found = []
    for epsilon in (2, 4, 8, 16):
        play = game(name, epsilon, image_steps=4, step_size=-(-epsilon // 3))
        start = play.objective()
        play.steps()
        found.append(play.objective())
        reach = max((play.draft.pixels[k] - play.draft.clean[k]).abs().max() for k in play.draft.clean)
        assert reach == epsilon
    assert found[-1] < start
    for smaller, larger in pairwise(found):
        assert larger < smaller + 0.05 * (start - found[-1]), found
