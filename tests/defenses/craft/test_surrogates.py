"""A surrogate's adapter learns beside the weights, works within them while it is frozen, and leaves no trace."""

import pytest
import torch

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from defenses.craft.levels import to_levels
from defenses.craft.surrogates import Surrogate, attach_surrogate


def step(surrogate: Surrogate, few: SampleSet) -> torch.Tensor:
    """Take one adapter step on some samples; return their losses before it."""
    images = [to_levels(sample.pixels) for sample in few]
    lvlm = surrogate.lvlm
    encoded = lvlm.encode([Prompt(s.question, s.answer) for s in few], lvlm.layouts(images))
    losses = lvlm.loss(encoded, images)
    if surrogate.parameters[0].requires_grad:
        losses.sum().backward()
        surrogate.optimiser.step()
    return losses.detach()


def is_merged(lvlm: LVLM) -> bool:
    """Return True if the adapter is merged into the weights."""
    return any(getattr(module, "merged", False) for module in lvlm.model.modules())


def test_a_frozen_adapter_is_merged_and_a_trainable_one_is_not(victim: LVLM, few: SampleSet) -> None:
    with attach_surrogate(victim, 4, 0.0, 1e-2) as surrogate:
        assert is_merged(victim) and surrogate.weights
        before = step(surrogate, few)
        surrogate.unfreeze()
        assert not is_merged(victim) and not surrogate.weights
        step(surrogate, few)
        learned = step(surrogate, few)
        surrogate.freeze()
        assert is_merged(victim)
        assert step(surrogate, few).sum() < learned.sum() < before.sum(), "what it learned is in the weights"
        surrogate.reset()
        assert is_merged(victim) and torch.equal(step(surrogate, few), before), "nothing of it is left"


@pytest.mark.parametrize("frozen", [True, False])
def test_the_base_model_is_the_same_after_an_error(frozen: bool, victim: LVLM, few: SampleSet) -> None:
    before = {name: value.clone() for name, value in victim.model.state_dict().items()}
    with pytest.raises(KeyError), attach_surrogate(victim, 4, 0.0, 1e-2) as surrogate:
        surrogate.unfreeze()
        step(surrogate, few)
        if frozen:
            surrogate.freeze()
        raise KeyError
    after = victim.model.state_dict()
    assert after.keys() == before.keys() and all(value.equal(before[name]) for name, value in after.items())
