"""The trainer's side of the game, without torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attacks.parts import Card, Knowledge, Part
from bench.methods.registered import O_co, Registered, Traits

if TYPE_CHECKING:
    from numpy.random import Generator

    from bench.lvlm.base import LVLM
    from bench.samples import SampleSet

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a short note."""


class AttackTraits(Traits):
    """Facts about an attack that a plan needs.

    trains: whether it makes an adapter. tunes: whether it searches its own recipe, on clean data too. checkpoints: for a
    learning curve, the folder of the adapter of each epoch, by epoch. needs: the fields of `Knowledge` that only some
    trainers have. queries: how many pictures of their own the trainer has protected.
    """

    trains: bool
    tunes: bool
    checkpoints: dict[str, str]
    needs: frozenset[str]
    queries: int


class Attack(Registered[O_co], ABC):
    """An attempt to learn from a release: a tuner, and parts that it was given."""

    parts: tuple[Part, ...] = ()

    trains: ClassVar[bool] = True
    """Whether there is an adapter at the end."""

    tunes: ClassVar[bool] = False
    """Whether it searches a recipe: then the clean reference is searched in the same way."""

    card: ClassVar[Card]

    @property
    def checkpoints(self) -> dict[str, str]:
        """For a learning curve: where in its folder the adapter of an epoch is, by epoch; "" is the folder itself."""
        return {}

    @property
    def settings(self) -> dict[str, Any]:
        """Every option's value, those of parts as `part.option`."""
        own = {f"{part.name}.{key}": value for part in self.parts for key, value in part.settings.items()}
        return {**super().settings, **own}

    @property
    def needs(self) -> frozenset[str]:
        """What its parts must know: see `Part.needs`."""
        return frozenset[str]().union(*(part.needs for part in self.parts))

    @property
    def queries(self) -> int:
        """How many of his own pictures the trainer has protected."""
        return max((part.queries for part in self.parts), default=0)

    @property
    def traits(self) -> AttackTraits:
        """What a plan must know of this attack with these options and parts."""
        return AttackTraits(
            trains=self.trains,
            tunes=self.tunes,
            checkpoints=self.checkpoints,
            needs=self.needs,
            queries=self.queries,
        )

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """Once, before training: what the parts make of the release, in their order."""
        for part in self.parts:
            released = part.prepare(released, own, rng)
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
