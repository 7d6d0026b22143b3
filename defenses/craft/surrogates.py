"""Surrogates: the LVLMs that stand in for the trainer's model while a release is crafted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from bench.lvlm.adapters import Targets, attach_adapter, lora_config, merge_adapter, separate_adapter
from bench.lvlm.base import LVLM


@dataclass
class Surrogate:
    """An LVLM with an adapter, the adapter's parameters and their initial values, and its optimiser.

    weights: while the adapter is frozen and merged into the weights, the adapted weights without it; otherwise empty.
    """

    lvlm: LVLM
    parameters: list[torch.nn.Parameter]
    initial: list[torch.Tensor]
    optimiser: torch.optim.Optimizer
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def reset(self) -> None:
        """Discard what the frozen adapter has learned."""
        self.separate()
        with torch.no_grad():
            for parameter, value in zip(self.parameters, self.initial, strict=True):
                parameter.copy_(value)
        self.optimiser.state.clear()
        self.weights = merge_adapter(self.lvlm)

    def unfreeze(self) -> None:
        """Make the adapter trainable, beside the weights and with dropout."""
        self.separate()
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        self.lvlm.model.train()

    def freeze(self) -> None:
        """End training: no dropout, no parameter takes or keeps a gradient, and the adapter joins the weights."""
        self.lvlm.model.eval().requires_grad_(False)
        self.optimiser.zero_grad()
        self.weights = merge_adapter(self.lvlm)

    def separate(self) -> None:
        """Take the adapter out of the weights again."""
        separate_adapter(self.lvlm, self.weights)
        self.weights = {}


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
        try:
            yield surrogate
        finally:
            surrogate.separate()
