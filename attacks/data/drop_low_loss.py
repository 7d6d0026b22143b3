"""Drop the samples that are learned fastest (ABL: Li et al., NeurIPS 2021)."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import AttackCard, Knowledge, Part, part
from bench import spec
from bench.progress import silent
from bench.samples import SampleSet

BATCH = 64


class DropLowLossOptions(spec.Options):
    """The share of samples to drop, and the length of the training that ranks them."""

    share: float = Field(0.2, gt=0, lt=1, description="share of samples that are dropped")
    epochs: int = Field(1, ge=1, le=100, description="epochs of the first training, after which losses are measured")


@part("drop_low_loss")
class DropLowLoss(Part[DropLowLossOptions]):
    """Drop the samples that have the lowest loss after a short training on the whole release."""

    card = AttackCard("K1", 1.4, "shortcuts, which are learned before anything else", "ABL: Li et al., NeurIPS 2021")

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Return the release without the samples of lowest loss, in the same order."""
        losses = compute_early_losses(released, knowledge, self.options.epochs, int(rng.integers(2**31)))
        dropped = round(self.options.share * len(losses))
        remaining = np.sort(np.argsort(losses)[dropped:])
        return SampleSet(tuple(released[i] for i in remaining.tolist()))


def compute_early_losses(released: SampleSet, knowledge: Knowledge, epochs: int, seed: int) -> np.ndarray:
    """Return the answer NLL per token of each sample after `epochs` of `lora_sft` on all of them, (N,)."""
    import torch

    from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
    from bench.lvlm.adapters import use_adapter
    from bench.lvlm.text import Prompt

    victim = knowledge.victim
    losses: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        tuner = LoraSFT(LoraSFTOptions(epochs=epochs))
        tuner.tune(victim, released, knowledge.validation, seed, Path(folder), silent)
        with use_adapter(victim, Path(folder)), torch.no_grad():
            for start in range(0, len(released), BATCH):
                batch = released[start : start + BATCH]
                images = [torch.from_numpy(s.pixels).permute(2, 0, 1) for s in batch]
                encoded = victim.encode([Prompt(s.question, s.answer) for s in batch], victim.layouts(images))
                losses += (victim.loss(encoded, images) / encoded.answer.sum(1)).tolist()
    return np.array(losses)
