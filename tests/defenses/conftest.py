"""A method in the middle of its loop, on six pictures of three things."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.draft import Batch, Draft, Surrogate
from defenses.craft.pixel import PixelDefense


@pytest.fixture(scope="session")
def few(samples: SampleSet) -> SampleSet:
    """Six pictures of three things."""
    return SampleSet(samples[::4])


class Game:
    """A method in the middle of its loop, without the loop."""

    def __init__(self, name: str, samples: SampleSet, surrogate: Surrogate, epsilon: int, **options: Any):
        built = REGISTRY.build(Method(name=name, options=options))
        assert isinstance(built, PixelDefense)
        self.defense, self.surrogates, self.epsilon = built, [surrogate], epsilon
        self.draft = Draft(samples, torch.device("cpu"), seed=5)
        built.start(self.draft, self.surrogates, Budget(epsilon=epsilon), np.random.default_rng(5))
        self.batch = Batch(self.draft, list(range(len(samples))))

    def steps(self) -> None:
        """The method's `image_steps`."""
        self.defense.step_images(self.batch, self.surrogates, self.epsilon)
        self.batch.round += 1

    def join(self, lvlm: LVLM) -> None:
        """Start anew with one more surrogate, that has learned nothing either."""
        self.surrogates.append(Surrogate(lvlm, [], [], self.surrogates[0].optimiser))
        seed, samples = self.draft.seed, self.draft.samples
        self.draft = Draft(samples, self.draft.clean[samples[0].image_id].device, seed)
        self.defense.start(self.draft, self.surrogates, Budget(epsilon=self.epsilon), np.random.default_rng(seed))
        self.batch = Batch(self.draft, list(range(len(samples))))

    def objective(self) -> float:
        """What the steps lower, on draws that no step has seen."""
        return float(np.mean(self.each()))

    @torch.no_grad()
    def each(self) -> list[float]:
        """The same for each surrogate."""
        found: list[list[float]] = [[] for _ in self.surrogates]
        for probe in range(2):
            self.batch.draw = (9, probe)
            images = self.defense.viewed(self.batch, self.defense.shown(self.batch, self.defense.leaves(self.batch)))
            for own, s in zip(found, self.surrogates, strict=True):
                encoded = self.defense.read(self.batch, s.lvlm)
                own.append(self.defense.objective(s, self.batch, encoded, images).mean().item())
        return [float(np.mean(own)) for own in found]


@pytest.fixture
def game(few: SampleSet, victim: LVLM) -> Callable[..., Game]:
    """Start a method by name, budget and options; the surrogate has learned nothing."""
    known = Surrogate(victim, [], [], torch.optim.SGD([torch.zeros(1)]))
    return lambda name, epsilon=8, **options: Game(name, few, known, epsilon, **options)
