"""The base class of attacks. Importing it does not import torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attacks.parts import AttackCard, Knowledge, Part
from bench.methods.code import code_hash
from bench.methods.registered import O_co, Registered, Traits
from bench.progress import Progress
from bench.spec import Options

if TYPE_CHECKING:
    from numpy.random import Generator

    from bench.lvlm.base import LVLM
    from bench.samples import SampleSet

Curve = list[dict[str, float]]
"""A learning curve: `step`, `loss` and, if it was measured, `validation_loss` of each logged step."""


class AttackTraits(Traits):
    """Facts about an attack that a plan needs.

    trains: True if it makes an adapter. checkpoints: for each recipe of `bench.victims.recipes`, by its name, the
    subfolder of the adapter of each epoch on the learning curve, by epoch. needs: the optional fields of `Knowledge`
    that it reads. knowledge: the trainer's, K0 to K4; see
    `AttackCard`. queries: the number of their own pictures that the trainer has protected. clean_share: the number of
    the owner's clean pictures that the trainer holds, as a share of those in the release.
    """

    trains: bool
    checkpoints: dict[str, dict[str, str]]
    needs: frozenset[str]
    knowledge: str
    queries: int
    clean_share: float


class Attack(Registered[O_co], ABC):
    """An attempt to learn from a release: a tuner, and the parts that are combined with it."""

    card: ClassVar[AttackCard]

    trains: ClassVar[bool] = True
    """True if `tune` writes an adapter."""

    tuner_needs: ClassVar[frozenset[str]] = frozenset()
    """The optional fields of `Knowledge` that the tuner itself reads: owner, queried."""

    def __init__(self, options: O_co, parts: Sequence[Part] = ()) -> None:
        super().__init__(options)
        self.parts = tuple(parts)

    @property
    def checkpoints(self) -> dict[str, dict[str, str]]:
        """By the name of the victim's recipe: the subfolder of the adapter of each epoch on the learning curve.

        "" is the folder itself.
        """
        return {}

    @property
    def settings(self) -> dict[str, Any]:
        """The value of every option, by name. Those of a part are named `part.option`."""
        of_parts = {f"{part.name}.{key}": value for part in self.parts for key, value in part.settings.items()}
        return {**super().settings, **of_parts}

    @property
    def naming(self) -> dict[str, Any]:
        """The options that differ from the defaults. Those of a part are named `part.option`."""
        owners: list[tuple[str, Options]] = [("", self.options)]
        owners += [(f"{part.name}.", part.options) for part in self.parts]
        return {
            prefix + key: value
            for prefix, options in owners
            for key, value in options.model_dump(mode="json", exclude_defaults=True).items()
        }

    @property
    def needs(self) -> frozenset[str]:
        """The optional fields of `Knowledge` that the tuner or a part reads."""
        return self.tuner_needs.union(*(part.needs for part in self.parts))

    @property
    def knowledge(self) -> str:
        """The trainer's knowledge, K0 to K4: the most that the tuner or a part has on its card."""
        return max([self.card.knowledge, *(part.card.knowledge for part in self.parts)])

    @property
    def queries(self) -> int:
        """The number of their own pictures that the trainer has protected by the defense."""
        return max((part.queries for part in self.parts), default=0)

    @property
    def clean_share(self) -> float:
        """The number of the owner's clean pictures that the trainer holds, as a share of those in the release."""
        return max((part.clean_share for part in self.parts), default=0.0)

    @property
    def training(self) -> list[list[Any]]:
        """The tuner and the parts that act after `prepare`: name, options and hash of the code of each."""
        acting: list[Registered[Any]] = [self, *(part for part in self.parts if part.augments)]
        return [[m.name, m.options.model_dump(mode="json"), code_hash(type(m).__module__)] for m in acting]

    @property
    def traits(self) -> AttackTraits:
        """Facts that a plan needs about this attack with these options and parts."""
        return AttackTraits(
            trains=self.trains,
            checkpoints=self.checkpoints,
            needs=self.needs,
            knowledge=self.knowledge,
            queries=self.queries,
            clean_share=self.clean_share,
        )

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Return the samples to train on: the release after every part, in order. Called once, before training."""
        for part in self.parts:
            released = part.prepare(released, knowledge, rng)
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
    ) -> Curve:
        """Train `victim` on what `prepare` returned, write an adapter into `folder`, and return the learning curve.

        `validation` is the trainer's own clean data, never the test split. The weights of `victim` are restored.
        """
