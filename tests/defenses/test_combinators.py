"""`-o eot=...` and ensembles with every gradient-made method: steps help through views, and on each surrogate."""

from collections.abc import Callable

import pytest

from bench.lvlm.base import LVLM
from tests.defenses.claims import STEPPED


@pytest.mark.parametrize("name", STEPPED)
def test_steps_help_through_views_that_they_have_not_seen(name: str, game: Callable) -> None:
    play = game(name, image_steps=5, eot="jpeg,blur")
    before = play.objective()
    play.steps()
    assert play.objective() < before


@pytest.mark.parametrize("name", STEPPED)
def test_steps_help_on_each_surrogate_of_an_ensemble(name: str, game: Callable, qwen: LVLM) -> None:
    play = game(name, image_steps=4)
    play.join(qwen)
    before = play.each()
    play.steps()
    after = play.each()
    assert len(before) == 2
    assert all(now < was for now, was in zip(after, before, strict=True)), (before, after)
