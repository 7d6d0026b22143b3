"""Stable error-minimising noise, SEM (Liu et al., AAAI 2024): noise that survives random perturbation."""

import torch
from numpy.random import Generator
from pydantic import Field

from defenses import register
from defenses.base import Card
from defenses.craft.pixel import PixelDefense, PixelOptions
from defenses.craft.transforms import crop, uniform_noise


class SemOptions(PixelOptions):
    """The loop with a surrogate that goes on training, on perturbed pictures."""

    keep_adapters: bool = Field(True, description="keep adapters across rounds (original: one long training)")
    reach: float = Field(4.0, ge=0, le=255, description="levels of the uniform noise (original: 4)")
    share: float = Field(0.8, gt=0, le=1, description="least side of the random crop, as a share")


@register("sem")
class StableErrorMinimising(PixelDefense[SemOptions]):
    """Error-minimising noise in expectation over uniform noise and random crops, for surrogate and pixels."""

    card = Card(
        paper="Liu et al., Stable Unlearnable Example, AAAI 2024; the expectation from REM (Fu et al., ICLR 2022)",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each",
        adaptation="class loss becomes answer loss; one random transformation a step (original: 5), no mirror image "
        "because answers may tell left from right; 3 x 8 steps of one level as em, surrogate steps through the same "
        "transformations and never undone, 5 a round (original: 10 of 1.6 every 10 of "
        "5000 surrogate steps)",
        validation="effect tests alone; not comparable: REM on CIFAR-10 with ResNet-18 18 to 25 % against 94 % clean",
    )

    def transform(self, image: torch.Tensor, rng: Generator) -> torch.Tensor:
        """Add uniform noise, crop at random, and apply the option `eot`."""
        o = self.options
        window = crop(uniform_noise(image, o.reach, rng), rng.uniform(o.share, 1.0), rng.uniform(), rng.uniform())
        return super().transform(window, rng)
