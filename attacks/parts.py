"""Parts of an attack: steps that clean, change, drop or add data before or during fine-tuning."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from bench.lazy import Spool
from bench.methods.registered import O_co, Registered, Traits
from bench.methods.registry import Registry
from bench.samples import SampleSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator

    from bench.lvlm.base import LVLM


class AttackCard(NamedTuple):
    """Facts about a tuner or a part, for readers.

    knowledge: what the trainer knows. K0 nothing of a protection; K1 that data may be protected; K2 the method and its
    code; K3 can have pictures protected; K4 holds some clean pictures of the same owner.
    cost: of the whole attack, as a multiple of `lora_sft` on the same data; estimated from the amount of computation,
    not measured.
    against: the kind of protection that it is meant to break.
    source: the publication that it comes from.
    """

    knowledge: str
    cost: float
    against: str
    source: str


class Knowledge(NamedTuple):
    """The model and the data that a trainer has besides the release.

    victim: the model that they fine-tune. validation: their own clean data. owner: the clean originals of the release,
    for trainers who hold some of them (K4). queried: the first pictures of `validation`, protected by the defense, for
    trainers who can query it (K3). `owner` and `queried` are None unless the attack names them in `needs`.
    """

    victim: LVLM
    validation: SampleSet
    owner: SampleSet | None = None
    queried: SampleSet | None = None


class Part(Registered[O_co]):
    """One step of an attack besides tuning. A subclass overrides `prepare`, `augment` or both."""

    card: ClassVar[AttackCard]

    needs: ClassVar[frozenset[str]] = frozenset()
    """The optional fields of `Knowledge` that this part reads: owner, queried."""

    @property
    def queries(self) -> int:
        """The number of their own pictures that the trainer has protected by the defense."""
        return 0

    @property
    def clean_share(self) -> float:
        """The number of the owner's clean pictures that the trainer holds, as a share of those in the release."""
        return 0.0

    @property
    def candidates(self) -> int:
        """The number of augmentations of a picture in each step. The one with the highest loss is trained on."""
        return 1

    @property
    def augments(self) -> bool:
        """True if this part overrides `augment`. Otherwise the processor is run only once for each picture."""
        return type(self).augment is not Part.augment

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Return the samples to train on. Called once, before training."""
        return released

    def augment(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return an augmented picture, (H, W, 3) uint8 in 0..255. Called in every step of training.

        Several pictures are augmented at once, each in a thread with a generator of its own: keep nothing on `self`.
        """
        return pixels


class Purify(Part[O_co]):
    """A part that changes every picture once, before training. Samples that share a picture share the result."""

    @abstractmethod
    def purify(self, pixels: np.ndarray, rng: Generator) -> np.ndarray:
        """Return the picture with less of its perturbation. Both are (H, W, 3) uint8 in 0..255."""

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Return the release with purified pictures."""
        return map_pictures(released, lambda pixels: self.purify(pixels, rng))


def map_pictures(samples: SampleSet, function: Callable[[np.ndarray], np.ndarray]) -> SampleSet:
    """Apply `function` once to every distinct picture, (H, W, 3) uint8, and return the samples with the results."""
    mapped = Spool[str]()
    for image_id, sample in {s.image_id: s for s in samples}.items():
        mapped[image_id] = function(sample.pixels)
    return samples.with_pictures(mapped)


PARTS = Registry[Part, Traits]("part", "attacks", Traits, decorator="part")
part = PARTS.register
