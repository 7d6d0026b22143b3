"""Every gradient-made method on its own objective: more steps are never weaker."""

from collections.abc import Callable

import pytest

from tests.defenses.claims import METHODS, NO_STEPS, STEPPED, can


def test_only_methods_without_steps_are_left_out() -> None:
    assert {name for name in METHODS if not can(name)} == set(NO_STEPS)


@pytest.mark.parametrize("name", STEPPED)
def test_more_steps_are_never_weaker(name: str, game: Callable) -> None:
    play = game(name, image_steps=3)
    found = [play.objective()]
    for _ in range(2):
        play.steps()
        found.append(play.objective())
    assert found[0] > found[1] > found[2], f"after 0, 3 and 6 steps: {found}"
