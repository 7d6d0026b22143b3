"""Adversarial training."""

from typing import Any, ClassVar

import torch
from pydantic import Field

from attacks import register
from attacks.parts import Card
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from attacks.tune.sft import Trainer
from bench.spec import Options


class AdversarialOptions(LoraSFTOptions):
    """The recipe, and the trainer's own perturbation."""

    epsilon: float = Field(4.0, gt=0, le=64, description="L-infinity radius in 8-bit levels")
    steps: int = Field(3, ge=1, le=100, description="steps of PGD, each of 2/3 of the radius")


class AdversarialTrainer(Trainer):
    """Each step is on pixels that raise the loss."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        """The loss on pixels that PGD moved.

        They move after the processor, by levels over its mean standard deviation: what it makes of 8-bit levels.
        """
        inputs = self.settled(model, inputs)
        pixels = {key: value for key, value in inputs.items() if key.startswith("pixel_values")}
        if model.training and torch.is_grad_enabled():
            inputs = {**inputs, **self._moved(model, inputs, pixels)}
        return super().compute_loss(model, inputs, *arguments, **named)

    def _moved(self, model: Any, inputs: dict[str, Any], pixels: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        o, processor = self.attack.options, self.source.victim.processor
        radius = o.epsilon / 255 / (sum(processor.image_std) / len(processor.image_std))
        moved = {key: value.detach().clone() for key, value in pixels.items()}
        for _ in range(o.steps):
            leaves = {key: value.requires_grad_(True) for key, value in moved.items()}
            loss = super().compute_loss(model, {**inputs, **leaves})
            gradients = torch.autograd.grad(loss, list(leaves.values()))
            moved = {
                key: (value + radius * 2 / 3 * g.sign()).clamp(pixels[key] - radius, pixels[key] + radius).detach()
                for (key, value), g in zip(leaves.items(), gradients, strict=True)
            }
        return moved


@register("adversarial")
class Adversarial(LoraSFT):
    """LoRA on pictures that the trainer perturbs himself in each step (PGD): no small perturbation shall matter."""

    card = Card("K1", 4.0, "every small perturbation", "Madry et al., ICLR 2018; Tao et al., NeurIPS 2021; APBench")
    Options: ClassVar[type[Options]] = AdversarialOptions
    trainer: ClassVar[type[Trainer]] = AdversarialTrainer
