"""Surrogates: the LVLMs that stand in for the trainer's model while a release is crafted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from bench.lvlm.adapters import Targets, attach_adapter, lora_config
from bench.lvlm.base import LVLM


@dataclass(frozen=True)
class Surrogate:
    """An LVLM with an adapter, the adapter's parameters and their initial values, and its optimiser."""

    lvlm: LVLM
    parameters: list[torch.nn.Parameter]
    initial: list[torch.Tensor]
    optimiser: torch.optim.Optimizer

    def reset(self) -> None:
        """Discard what the adapter has learned."""
        with torch.no_grad():
            for parameter, value in zip(self.parameters, self.initial, strict=True):
                parameter.copy_(value)
        self.optimiser.state.clear()

    def unfreeze(self) -> None:
        """Make the adapter trainable, with dropout."""
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        self.lvlm.model.train()

    def freeze(self) -> None:
        """End training: no dropout, and no parameter takes or keeps a gradient."""
        self.lvlm.model.eval().requires_grad_(False)
        self.optimiser.zero_grad()


@contextmanager
def attach_surrogate(lvlm: LVLM, rank: int, dropout: float, lr: float) -> Iterator[Surrogate]:
    """Attach a frozen LoRA adapter to an LVLM during the block, and yield the surrogate.

    It adapts what `lora_sft` adapts, language model and projector. With dropout, a projector that is a bare matrix is
    left out: its adapter takes none.
    """
    targets: Targets = "language" if dropout and lvlm.projector_parameters else "language+projector"
    with attach_adapter(lvlm, lora_config(lvlm, rank, targets, dropout)) as parameters:
        optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.0)
        surrogate = Surrogate(lvlm, parameters, [p.detach().clone() for p in parameters], optimiser)
        surrogate.freeze()
        yield surrogate
