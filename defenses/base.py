"""The owner's side of the game, without torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bench.methods.registered import O_co, Registered, Traits

if TYPE_CHECKING:
    from numpy.random import Generator

    from bench.lvlm.base import LVLM
    from bench.samples import SampleSet
    from bench.spec import Budget

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a short note."""


class Card(NamedTuple):
    """What a reader must know of a defense before he believes its numbers; `reports.cards` makes a page of them.

    paper: source, with venue. needs: what the owner must have. touches: what of a sample changes. adaptation: how it
    was carried from class labels to answers, and its recipe to this budget. validation: what it was checked against.
    """

    paper: str
    needs: str
    touches: str
    adaptation: str
    validation: str


class DefenseTraits(Traits):
    """`depends`: what decides the release besides the data and the options."""

    depends: frozenset[str]


class Protected:
    """A release and what its making reported (JSON: losses, counts); `log` is kept beside the release."""

    def __init__(self, samples: SampleSet, log: dict[str, Any] | None = None) -> None:
        self.samples, self.log = samples, log or {}


class Defense(Registered[O_co], ABC):
    """A protection of image-text data. Answers, ids and order stay as they are."""

    card: ClassVar[Card]
    depends: ClassVar[frozenset[str]] = frozenset({"surrogates", "budget", "seed"})
    """What else than data and options decides the release."""

    @property
    def traits(self) -> DefenseTraits:
        """What a plan must know of this defense."""
        return DefenseTraits(depends=self.depends)

    @abstractmethod
    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Give the samples that the owner would publish, within `budget`. Every random choice comes from `rng`."""
