"""What a trainer does around his tuner: clean, change, drop or add data. An attack is a tuner and parts in order."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from bench.methods.registered import O_co, Registered, Traits
from bench.methods.registry import Registry
from bench.samples import SampleSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator

    from bench.lvlm.base import LVLM


class Card(NamedTuple):
    """What a reader must know of a part or a tuner.

    knowledge: K0 unaware of protection, K1 knows that data is protected, K2 knows the method and its code, K3 can query
    the protector, K4 holds some clean pictures of the same owner. cost: of the whole attack, roughly, as a multiple of
    `lora_sft` on the same data; by what it computes, not yet measured. against: what it was designed to break. source:
    where it comes from.
    """

    knowledge: str
    cost: float
    against: str
    source: str


class Knowledge(NamedTuple):
    """What a trainer has besides the release.

    validation: his own clean data. owner: the clean originals of the release, for those who hold some of them (K4).
    queried: what the public protector made of the first pictures of `validation`, for those who may ask it (K3). Both
    are None for parts that do not name them in `needs`.
    """

    victim: LVLM
    validation: SampleSet
    owner: SampleSet | None = None
    queried: SampleSet | None = None


class Part(Registered[O_co]):
    """One thing that a trainer does. A part overrides what it needs."""

    card: ClassVar[Card]

    needs: ClassVar[frozenset[str]] = frozenset()
    """Fields of `Knowledge` that only some trainers have: owner, queried."""

    queries: int = 0
    """How many of his own pictures the trainer has protected."""

    views: int = 1
    """How often each picture is looked at in a step; of several looks, the one with the highest loss is learned."""

    augments: ClassVar[bool] = False
    """Whether `view` changes anything: where not, pictures are processed once."""

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """Once, before training."""
        return released

    def view(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """How a picture (H, W, 3) uint8 in 0..255 looks in one step."""
        return pixels


class Purify(Part[O_co]):
    """A part that maps every picture once, the same for all questions about it."""

    @abstractmethod
    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """The picture (H, W, 3) uint8 in 0..255 without its perturbation, one hopes."""

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `purify`."""
        done = {key: self.purify(pixels, rng) for key, pixels in _pictures(released).items()}
        return SampleSet(tuple(replace(s, pixels=done[s.image_id]) for s in released))


def _pictures(samples: SampleSet) -> dict[str, np.ndarray]:
    return {s.image_id: s.pixels for s in samples}


PARTS = Registry[Part, Traits]("part", "attacks", Traits, decorator="part")
part = PARTS.register
