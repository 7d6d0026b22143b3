"""Binding losses: divergences of attention rows in the first layers of the language model (MMGuard section 5.3)."""

import math
from collections.abc import Sequence

import torch

from bench.lvlm.text import Encoded

FLOOR = 1e-6
"""The lowest probability under a logarithm: without it CRS is unbounded below (our choice; the paper is silent)."""


def answer_rows(encoded: Encoded) -> torch.Tensor:
    """Return a mask (B, T) of the rows that *predict* the answer: the position of each answer token minus one.

    In a causal model the last prompt token predicts the first answer token, so the answer's own rows would leave a
    one-token answer untouched. The paper does not say which rows it means.
    """
    return torch.cat([encoded.answer[:, 1:], torch.zeros_like(encoded.answer[:, :1])], dim=1)


def perturbed_tokens(encoded: Encoded, intensity: Sequence[torch.Tensor], share: float) -> torch.Tensor:
    """Return a mask (B, T) of the most perturbed image tokens: the ceil(share * tokens) first by mean |delta| (Eq. 22).

    intensity: mean |delta| under each image token, (tokens,) for each sample.
    """
    mask = torch.zeros_like(encoded.image)
    for i, rho in enumerate(intensity):
        count = math.ceil(round(share * len(rho), 6))
        top = torch.zeros_like(rho, dtype=torch.bool)
        top[rho.topk(count).indices] = True
        mask[i, encoded.image[i]] = top
    return mask


def mass_loss(row: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return KL(uniform on `target` || row) for each sample (Eq. 25, 26).

    row: distributions (B, T). target: mask (B, T); a sample whose target is empty has loss 0.

    >>> row, target = torch.tensor([[0.5, 0.5, 0.0]]), torch.tensor([[True, True, False]])
    >>> mass_loss(row, target).tolist()
    [0.0]
    """
    size = target.sum(1).clamp(min=1)
    log = row.clamp(min=FLOOR).log()
    return torch.where(target.any(1), -(log * target).sum(1) / size - size.log(), 0.0)


def divergence(clean: torch.Tensor, protected: torch.Tensor) -> torch.Tensor:
    """Return KL(clean || protected) for each sample (Eq. 29): distributions (B, T) over the same keys.

    Terms with clean = 0 are 0.
    """
    ratio = clean.clamp(min=FLOOR).log() - protected.clamp(min=FLOOR).log()
    return (clean * ratio).sum(1)
