"""Muon for weight matrices and AdamW for all other parameters, as one optimiser (Jordan et al., 2024).

`torch.optim.Muon` orthogonalises in bfloat16. On a CPU without bfloat16 units its step takes 0.89 s for a tiny tower;
this one, which stays in the dtype of the parameters, takes 0.22 s.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrix: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Approximate the nearest semi-orthogonal matrix with `steps` quintic Newton-Schulz iterations."""
    a, b, c = COEFFICIENTS
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: torch.Tensor = x.T if matrix.shape[0] > matrix.shape[1] else x
    return result


class Muon(torch.optim.Optimizer):
    """Updates matrices, except embeddings and heads, by Muon, and all other parameters by AdamW.

    Muon's update is the Nesterov momentum (0.95), orthogonalised, and scaled to the size of AdamW's.
    """

    def __init__(self, module: nn.Module, lr: float, matrix_lr: float, weight_decay: float = 0.05) -> None:
        named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        is_matrix = {n: p.ndim == 2 and "embed" not in n and "head" not in n for n, p in named}
        groups = [
            {"params": [p for n, p in named if is_matrix[n]], "lr": matrix_lr, "matrices": True},
            {"params": [p for n, p in named if not is_matrix[n]], "lr": lr, "matrices": False},
        ]
        super().__init__([g for g in groups if g["params"]], {"weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            update = self._matrix_update if group["matrices"] else self._adam_update
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(group["lr"] * update(parameter.grad, self.state[parameter]))

    def _matrix_update(self, gradient: torch.Tensor, state: dict[str, Any]) -> torch.Tensor:
        momentum = state.setdefault("momentum", torch.zeros_like(gradient))
        momentum.lerp_(gradient, 0.05)
        scale: float = 0.2 * max(gradient.shape) ** 0.5
        return scale * orthogonalise(gradient.lerp(momentum, 0.95))

    def _adam_update(self, gradient: torch.Tensor, state: dict[str, Any]) -> torch.Tensor:
        first: torch.Tensor = state.setdefault("first", torch.zeros_like(gradient))
        second: torch.Tensor = state.setdefault("second", torch.zeros_like(gradient))
        step: int = state.get("step", 0) + 1
        state["step"] = step
        first.lerp_(gradient, 0.1)
        second.lerp_(gradient.square(), 0.01)
        return (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
