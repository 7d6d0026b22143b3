"""The trainer's side of the game, without torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.registry import Registered

if TYPE_CHECKING:
    from numpy.random import Generator

    from bench.lvlm.base import LVLM
    from bench.samples import SampleSet

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a short note."""


class Attack(Registered, ABC):
    """An attempt to learn from a release. Parts override only what they need."""

    trains: ClassVar[bool] = True
    """Whether there is an adapter at the end."""

    knowledge: ClassVar[str] = "K0"
    """What the trainer knows: K0 unaware of protection ... K4 holds clean images of the same owner."""

    @property
    def checkpoints(self) -> dict[str, str]:
        """For a learning curve: where in its folder the adapter of an epoch is, by epoch; "" is the folder itself."""
        return {}

    def prepare(self, released: SampleSet, rng: Generator) -> SampleSet:
        """Once, before training: purify, filter, rewrite or mix. The release as it is unless overridden."""
        return released

    @abstractmethod
    def tune(
        self,
        victim: LVLM,
        released: SampleSet,
        validation: SampleSet,
        seed: int,
        folder: Path,
        progress: Progress,
    ) -> list[dict[str, Any]]:
        """Train `victim` and write an adapter (safetensors) into `folder`. Gives the learning curve.

        `validation` is the trainer's own clean data, never the test split.
        """
