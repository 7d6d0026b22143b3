"""Every gradient-made method under budgets of 2, 4, 8 and 16 levels: a larger one is never weaker."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.defenses.claims import stepped


@pytest.mark.parametrize("name", stepped("budget"))
def test_a_larger_budget_is_never_weaker(name: str, game: Callable) -> None:
    """Steps of a third of the budget, so that each can use it; 5 % of the gain is taken for noise."""
    losses = []
    for epsilon in (2, 4, 8, 16):
        play = game(name, epsilon, image_steps=3, step_size=-(-epsilon // 3))
        start = play.objective()
        play.steps()
        losses.append(play.objective())
        assert max((play.draft.image(k) - clean).abs().max() for k, clean in play.draft.clean.items()) == epsilon
    assert losses[-1] < start
    for smaller, larger in pairwise(losses):
        assert larger < smaller + 0.05 * (start - losses[-1]), losses
