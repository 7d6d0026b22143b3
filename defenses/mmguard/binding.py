"""Binding disruption: attention losses on rows of the first language-model layers (MMGuard section 5.3)."""

import math
from collections.abc import Sequence

import torch

from bench.lvlm.text import Encoded

FLOOR = 1e-6
"""Least probability under a logarithm: CRS is unbounded below without it (our choice; the paper is silent)."""


def answer_rows(encoded: Encoded) -> torch.Tensor:
    """Rows that *predict* the answer: each answer token's position minus one, (B, T) bool.

    In a causal model the first answer token is predicted by the last prompt token, so the answer's own rows would
    leave a one-token answer untouched. The paper does not say which rows it means.
    """
    return torch.cat([encoded.answer[:, 1:], torch.zeros_like(encoded.answer[:, :1])], dim=1)


def perturbed_tokens(encoded: Encoded, intensity: Sequence[torch.Tensor], share: float) -> torch.Tensor:
    """The set of the most perturbed image tokens: the top ceil(share * tokens) by mean |delta| (Eq. 22, 23).

    intensity: mean |delta| under each image token, (tokens,) a sample. Returns (B, T) bool.
    """
    members = torch.zeros_like(encoded.image)
    for i, rho in enumerate(intensity):
        count = math.ceil(round(share * len(rho), 6))
        top = torch.zeros_like(rho, dtype=torch.bool)
        top[rho.topk(count).indices] = True
        members[i, encoded.image[i]] = top
    return members


def mass_loss(row: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """KL(uniform on `target` || row) for each sample (Eq. 25, 26): row (B, T) a distribution, target (B, T) bool.

    A sample whose target is empty has loss 0.
    """
    size = target.sum(1).clamp(min=1)
    log = row.clamp(min=FLOOR).log()
    return torch.where(target.any(1), -(log * target).sum(1) / size - size.log(), 0.0)


def divergence(clean: torch.Tensor, protected: torch.Tensor) -> torch.Tensor:
    """KL(clean || protected) for each sample (Eq. 29), keys aligned: (B, T) each. Terms with clean = 0 are 0."""
    ratio = clean.clamp(min=FLOOR).log() - protected.clamp(min=FLOOR).log()
    return (clean * ratio).sum(1)


def mean_over_layers(values: Sequence[torch.Tensor]) -> torch.Tensor:
    """(B,) from one (B,) a layer."""
    return torch.stack(list(values)).mean(0)
