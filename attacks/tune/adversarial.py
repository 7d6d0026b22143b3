"""Adversarial training (Madry et al., ICLR 2018)."""

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field

from attacks import register
from attacks.parts import AttackCard
from attacks.tune.inputs import Inputs, PixelInputs
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from attacks.tune.trainer import Trainer


class AdversarialOptions(LoraSFTOptions):
    """The recipe, and the perturbation that the trainer adds. Its radius grows evenly from 0 over the training."""

    epsilon: float = Field(4.0, gt=0, le=64, description="last L-infinity radius in 8-bit levels")
    steps: int = Field(2, ge=1, le=100, description="steps of PGD, each of 2/3 of the radius")


class AdversarialTrainer(Trainer):
    """A trainer that perturbs the pictures of each step so that their loss is higher.

    The processor's output is perturbed instead of its input. `epsilon` levels are divided by the processor's mean
    standard deviation, as the processor does with 8-bit levels.
    """

    def __init__(self, source: Inputs, options: AdversarialOptions, **keywords: Any) -> None:
        std = source.victim.processor.image_std
        self.radius, self.steps = options.epsilon / 255 / (sum(std) / len(std)), options.steps
        super().__init__(source, **keywords)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *arguments: Any, **keywords: Any) -> Any:
        """Return the loss on perturbed pictures in training, and on the pictures as they are in validation."""
        inputs = self.select_augmentation(model, inputs)
        if model.training and torch.is_grad_enabled():

            def pixel_loss(pixels: PixelInputs) -> torch.Tensor:
                loss: torch.Tensor = super(AdversarialTrainer, self).compute_loss(model, {**inputs, **pixels})
                return loss

            pixels = {key: value for key, value in inputs.items() if key.startswith("pixel_values")}
            radius = self.radius * self.state.global_step / self.state.max_steps
            inputs = {**inputs, **perturb(pixels, pixel_loss, radius, self.steps)}
        return super().compute_loss(model, inputs, *arguments, **keywords)


def perturb(pixels: PixelInputs, loss: Callable[[PixelInputs], torch.Tensor], radius: float, steps: int) -> PixelInputs:
    """Return pixels within `radius` of the original that raise `loss`, by projected gradient steps of 2/3 radius."""
    perturbed = {key: value.detach().clone() for key, value in pixels.items()}
    for _ in range(steps):
        leaves = {key: value.requires_grad_(True) for key, value in perturbed.items()}
        gradients = torch.autograd.grad(loss(leaves), list(leaves.values()))
        for (key, value), gradient in zip(leaves.items(), gradients, strict=True):
            moved = value + radius * 2 / 3 * gradient.sign()
            perturbed[key] = moved.clamp(pixels[key] - radius, pixels[key] + radius).detach()
    return perturbed


@register("adversarial")
class Adversarial(LoraSFT[AdversarialOptions]):
    """LoRA on pictures that the trainer perturbs in each step (PGD), so that no small perturbation matters."""

    card = AttackCard(
        "K1", 3.0, "every small perturbation", "Madry et al., ICLR 2018; Tao et al., NeurIPS 2021; APBench"
    )

    def make_trainer(self, source: Inputs, **keywords: Any) -> Trainer:
        """Return an adversarial trainer."""
        return AdversarialTrainer(source, self.options, **keywords)
