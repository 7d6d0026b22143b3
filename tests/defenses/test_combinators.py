"""Transformations (`-o eot=...`) and ensembles with every gradient-made method."""

from collections.abc import Callable

import pytest

from bench.lvlm.base import LVLM
from tests.defenses.claims import stepped


@pytest.mark.parametrize("name", stepped("eot"))
def test_steps_help_through_transformations_that_no_step_has_seen(name: str, game: Callable) -> None:
    play = game(name, image_steps=5, eot="jpeg,blur")
    before = play.objective()
    play.steps()
    assert play.objective() < before


@pytest.mark.parametrize("name", stepped("ensemble"))
def test_steps_help_on_each_surrogate_of_an_ensemble(name: str, game: Callable, qwen: LVLM) -> None:
    play = game(name, more=(qwen,), image_steps=4)
    before = play.objectives()
    play.steps()
    after = play.objectives()
    assert len(before) == 2
    assert all(now < was for now, was in zip(after, before, strict=True)), (before, after)
