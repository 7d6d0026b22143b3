"""A method in the middle of its loop, on six pictures of three things."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.draft import Batch
from defenses.craft.pixel import PixelDefense
from defenses.craft.surrogates import Surrogate

SEED = 5


@pytest.fixture(scope="session")
def few(samples: SampleSet) -> SampleSet:
    """Six pictures of three things."""
    return SampleSet(samples[::4])


class Game:
    """A method in the middle of its loop, without the loop."""

    def __init__(self, name: str, samples: SampleSet, surrogates: list[Surrogate], epsilon: int, **options: Any):
        defense = REGISTRY.build(Method(name=name, options=options))
        assert isinstance(defense, PixelDefense)
        self.defense, self.surrogates = defense, surrogates
        budget = Budget(epsilon=epsilon)
        self.draft = defense.make_draft(samples, surrogates, budget, SEED, np.random.default_rng(SEED))
        self.batch = Batch(self.draft, list(range(len(samples))))

    def steps(self) -> None:
        """Take the method's `image_steps`."""
        list(self.defense.step_pixels([self.batch], self.surrogates))
        self.batch = replace(self.batch, round=self.batch.round + 1)

    def images(self) -> dict[str, torch.Tensor]:
        """Return the pictures as they would be released now."""
        return {image_id: self.draft.image(image_id) for image_id in self.draft.clean}

    def objective(self) -> float:
        """Return the mean objective, with random draws that no step has used."""
        return float(np.mean(self.objectives()))

    @torch.no_grad()
    def objectives(self) -> list[float]:
        """Return the same for each surrogate."""
        losses: list[list[float]] = [[] for _ in self.surrogates]
        for probe in range(2):
            draw = (9, probe)
            step = self.defense.render(self.batch, self.batch.perturbations, draw)
            for surrogate, values in zip(self.surrogates, losses, strict=True):
                encoded = self.defense.encode(self.batch, surrogate.lvlm, draw)
                values.append(self.defense.objective(surrogate, step, encoded).mean().item())
        return [float(np.mean(values)) for values in losses]


def untrained(lvlm: LVLM) -> Surrogate:
    """Return a surrogate that has learned nothing."""
    return Surrogate(lvlm, [], [], torch.optim.SGD([torch.zeros(1)]))


@pytest.fixture
def game(few: SampleSet, victim: LVLM) -> Callable[..., Game]:
    """Start a method by name, budget and options, on one surrogate and those in `more`, which have learned nothing."""

    def start(name: str, epsilon: int = 8, more: tuple[LVLM, ...] = (), **options: Any) -> Game:
        return Game(name, few, [untrained(lvlm) for lvlm in (victim, *more)], epsilon, **options)

    return start
