"""The interface of defenses, the owner's side of the benchmark. It does not import torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bench.methods.registered import O_co, Registered, Traits

if TYPE_CHECKING:
    from numpy.random import Generator

    from bench.lvlm.base import LVLM
    from bench.progress import Progress
    from bench.samples import SampleSet
    from bench.spec import Budget


class Card(NamedTuple):
    """The facts that a reader needs before they believe a defense's numbers. `reports.cards` makes a page of the cards.

    paper: source, with venue. needs: what the owner must have. touches: what changes in a sample; each part, up to a
    semicolon, begins with "pictures", "questions" or "answers", or the whole is "nothing". adaptation: how the method
    was carried from class labels to answers, and its recipe to this budget. validation: what it was checked against.
    """

    paper: str
    needs: str
    touches: str
    adaptation: str
    validation: str


class DefenseTraits(Traits):
    """`depends`: the inputs that decide the release besides data and options. `adaptive`: of an owner who adapts."""

    depends: frozenset[str]
    adaptive: bool = False


class Protected:
    """A release, and a log of how it was made (JSON: losses, counts) that is kept beside it."""

    def __init__(self, samples: SampleSet, log: dict[str, Any] | None = None) -> None:
        self.samples, self.log = samples, log or {}


class Defense(Registered[O_co], ABC):
    """A protection of image-text data. Answers, ids and order stay as they are.

    A new defense is one file, and every test of defenses then runs on it. See CONTRIBUTING.md for an example.
    """

    card: ClassVar[Card]
    depends: ClassVar[frozenset[str]] = frozenset({"surrogates", "budget", "seed"})
    """Inputs that decide the release besides data and options."""
    exempt: ClassVar[Mapping[str, str]] = {}
    """Claims of `tests/defenses/claims.py` that do not fit the method, each with the reason."""

    @property
    def traits(self) -> DefenseTraits:
        """Facts that a plan needs before anything is computed."""
        return DefenseTraits(depends=self.depends, adaptive=self.adaptive)

    @property
    def adaptive(self) -> bool:
        """True if the owner adapts to trainers: the release is crafted through what they do to pictures."""
        return False

    @abstractmethod
    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Return the samples that the owner would publish, within `budget`. Every random choice comes from `rng`."""
