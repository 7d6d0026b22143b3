"""Samples that are learned suspiciously fast are left out."""

import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import Card, Knowledge, Part, part
from bench import spec
from bench.samples import SampleSet

BATCH = 64


class DropLowLossOptions(spec.Options):
    """How many, and how long the first training is."""

    share: float = Field(0.2, gt=0, lt=1, description="share of samples that are left out")
    epochs: int = Field(1, ge=1, le=100, description="epochs of the training that shows what is learned fast")


@part("drop_low_loss")
class DropLowLoss(Part):
    """After a short training on the release, the samples with the lowest loss are left out of the real one."""

    card = Card("K1", 1.4, "shortcuts, which are learned before anything else", "ABL: Li et al., NeurIPS 2021")
    Options: ClassVar[type[spec.Options]] = DropLowLossOptions

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`."""
        losses = early_losses(released, own, self.options.epochs, int(rng.integers(2**31)))
        kept = np.sort(np.argsort(losses)[round(self.options.share * len(losses)) :])
        return SampleSet(tuple(released[i] for i in kept.tolist()))


def early_losses(released: SampleSet, own: Knowledge, epochs: int, seed: int) -> np.ndarray:
    """Answer NLL per token of each sample after `epochs` of `lora_sft` on all of them, (N,)."""
    import torch

    from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
    from bench.lvlm.adapters import use_adapter
    from bench.lvlm.text import Prompt

    victim, found = own.victim, []
    with tempfile.TemporaryDirectory() as folder:
        trainer = LoraSFT(LoraSFTOptions(epochs=epochs))
        trainer.tune(victim, released, own.validation, seed, Path(folder), lambda *_: None)
        with use_adapter(victim, Path(folder)), torch.no_grad():
            for start in range(0, len(released), BATCH):
                some = released[start : start + BATCH]
                images = [torch.from_numpy(s.pixels).permute(2, 0, 1) for s in some]
                encoded = victim.encode([Prompt(s.question, s.answer) for s in some], victim.layouts(images))
                found += (victim.loss(encoded, images) / encoded.answer.sum(1)).tolist()
    return np.array(found)
