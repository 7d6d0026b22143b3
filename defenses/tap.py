"""Targeted adversarial poisoning, TAP (Fowl et al., NeurIPS 2021), towards a wrong answer."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from numpy.random import Generator
from pydantic import Field

from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from defenses import register
from defenses.base import Card
from defenses.craft.draft import Targets
from defenses.craft.pixel import PixelDefense, PixelOptions
from defenses.craft.surrogates import Surrogate
from defenses.craft.targets import choose_wrong_answers


class TapOptions(PixelOptions):
    """One round: the surrogate is fine-tuned on the clean pictures first, then the pixels are stepped."""

    rounds: int = Field(1, ge=1, le=1, description="one: the surrogate is trained once")
    image_steps: int = Field(100, ge=0, le=500, description="signed pixel steps (original: 250 of 0.4 levels)")
    inner_steps: int = Field(576, ge=0, le=10_000, description="adapter steps on the clean data")
    inner_lr: float | None = Field(
        None, gt=0, le=1, description="adapter learning rate, less than the trainer's, since it is not annealed"
    )


@register("tap")
class TargetedPoisoning(PixelDefense[TapOptions]):
    """Adversarial noise that makes a clean fine-tuned LVLM see another answer; the release keeps the true one."""

    card = Card(
        paper="Fowl et al., Adversarial Examples Make Strong Poisons, NeurIPS 2021",
        needs="answers, and an LVLM as surrogate that the owner fine-tunes on the clean data",
        touches="pictures, one noise each",
        adaptation="next class (y + 1) mod K becomes the next answer in a random cycle among questions of the same "
        "kind; the surrogate is fine-tuned on the clean data as long as lora_sft trains, eight epochs of the embedded "
        "set; 100 steps of one level, more than the 64 that the other methods keep to (original: 250 of 0.4, 8 "
        "restarts, differentiable augmentation)",
        validation="effect tests alone; not comparable: CIFAR-10 with ResNet-18 6 to 10 % against 94 % clean",
    )
    exempt: ClassVar[Mapping[str, str]] = {
        "training_loss": "it lowers the loss of a wrong answer, not of the true one: tests/defenses/test_tap.py"
    }

    def surrogate_lr(self, lvlm: LVLM) -> float:
        """Return the option, or two fifths of the trainer's peak rate."""
        return self.options.inner_lr or 0.4 * super().surrogate_lr(lvlm)

    def random_start(self, picture: torch.Tensor, epsilon: int, rng: Generator) -> torch.Tensor:
        """Return no perturbation: the surrogate is fine-tuned on clean pictures."""
        return torch.zeros_like(picture)

    def choose_targets(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], groups: dict[str, int], rng: Generator
    ) -> Targets:
        """Return a wrong answer for each sample."""
        return Targets(choose_wrong_answers(samples, rng))
