"""Targeted adversarial poisoning, TAP (Fowl et al., NeurIPS 2021), towards a wrong answer."""

from collections.abc import Sequence
from typing import ClassVar

from numpy.random import Generator
from pydantic import Field

from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded
from bench.spec import Budget, Options
from defenses import register
from defenses.base import Card
from defenses.craft.draft import Batch, Draft, Surrogate
from defenses.craft.pixel import PixelDefense, PixelOptions
from defenses.craft.targets import deranged


class TapOptions(PixelOptions):
    """One round: the surrogate is fine-tuned on the clean pictures first, then the pixels are stepped."""

    rounds: int = Field(1, ge=1, le=1, description="one: the surrogate is trained once")
    image_steps: int = Field(12, ge=0, le=500, description="signed pixel steps (original: 250 of 0.4 levels)")
    inner_steps: int = Field(96, ge=0, le=10_000, description="adapter steps on the clean data")
    inner_lr: float = Field(1e-3, gt=0, le=1, description="adapter learning rate")


@register("tap")
class TargetedPoisoning(PixelDefense):
    """Adversarial noise that makes a clean fine-tuned LVLM see another answer; the release keeps the true one."""

    Options: ClassVar[type[Options]] = TapOptions
    card = Card(
        paper="Fowl et al., Adversarial Examples Make Strong Poisons, NeurIPS 2021",
        needs="answers, and an LVLM as surrogate that the owner fine-tunes on the clean data",
        touches="pictures, one noise each",
        adaptation="next class (y + 1) mod K to the next answer in a random cycle among questions of the same kind; "
        "12 steps of one level, as many as em's (original: 250 of 0.4, 8 restarts, differentiable augmentation)",
        validation="effect tests alone; not comparable: CIFAR-10 with ResNet-18 6 to 10 % against 94 % clean",
    )

    def start(self, draft: Draft, surrogates: Sequence[Surrogate], budget: Budget, rng: Generator) -> None:
        """The pictures stay clean for the surrogate."""
        self.targets = deranged(draft.samples, rng)

    def read(self, batch: Batch, lvlm: LVLM) -> Encoded:
        """The wrong answers."""
        return batch.encode(lvlm, self.targets)
