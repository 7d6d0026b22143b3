"""More pixel steps are never weaker on the method's own objective."""

from collections.abc import Callable

import pytest

from tests.defenses.claims import stepped


@pytest.mark.parametrize("name", stepped("steps"))
def test_more_steps_are_never_weaker(name: str, game: Callable) -> None:
    play = game(name, image_steps=3)
    losses = [play.objective()]
    for _ in range(2):
        play.steps()
        losses.append(play.objective())
    assert losses[0] > losses[1] > losses[2], f"after 0, 3 and 6 steps: {losses}"
