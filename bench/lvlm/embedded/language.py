"""Second stage of pretraining: the language model learns to answer questions about what the tower sees."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from bench.datasets.emoji.questions import BACKGROUND, CATEGORY, NAMING, SIZE
from bench.datasets.emoji.render import SIZE as SIZE_PX
from bench.lvlm.base import LVLM
from bench.lvlm.embedded.recipes import Recipe
from bench.lvlm.embedded.tower import Pictures
from bench.lvlm.embedded.training import fit
from bench.lvlm.text import Encoded, Prompt

KINDS = {"name": (NAMING, 0.75), "category": (CATEGORY, 0.1), "background": (BACKGROUND, 0.1), "size": (SIZE, 0.05)}
"""Kind of question: its phrasings and its share of the training questions."""


def prompt(labels: pd.Series, kind: str, phrasing: str) -> Prompt:
    """A question of one kind about a rendering, and its answer."""
    answer = {
        "name": labels["name"],
        "category": labels["category"].lower(),
        "background": labels["background"],
        "size": "large" if labels["large"] else "small",
    }[kind]
    return Prompt(phrasing, answer)


class Answering(nn.Module):
    """An LVLM whose forward gives the mean answer NLL of a batch, as the Trainer wants it."""

    def __init__(self, lvlm: LVLM) -> None:
        super().__init__()
        self.lvlm, self.model = lvlm, lvlm.model

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Without the head, which is the embedding table again: safetensors refuses shared memory."""
        return {k: v for k, v in super().state_dict(*args, **kwargs).items() if not k.endswith("lm_head.weight")}

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The head comes with the embedding table it is tied to."""
        return super().load_state_dict({**super().state_dict(), **state_dict}, *args, **kwargs)

    def forward(self, encoded: Encoded, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Cross-entropy per answer token."""
        positions = self.lvlm.position_inputs(encoded, [self.lvlm.layout((SIZE_PX, SIZE_PX))] * len(encoded.ids))
        loss = self.lvlm.forward_inputs(encoded, {**inputs, **positions}).loss
        return {"loss": loss.sum() / encoded.answer.sum()}


def train_language(lvlm: LVLM, data: Pictures, labels: pd.DataFrame, recipe: Recipe, folder: Path) -> None:
    """Train projector and language model of `lvlm` in place on questions about `data`; the tower stays as it is."""
    rng = np.random.default_rng(recipe.seed)
    kinds = rng.choice(list(KINDS), size=len(labels), p=[share for _, share in KINDS.values()])
    prompts = [
        prompt(row, kind, str(rng.choice(KINDS[kind][0])))
        for (_, row), kind in zip(labels.iterrows(), kinds, strict=True)
    ]
    layout = lvlm.layout((SIZE_PX, SIZE_PX))

    def collate(indices: list[int]) -> dict[str, object]:
        encoded = lvlm.encode([prompts[i] for i in indices], [layout] * len(indices))
        return {"encoded": encoded, "inputs": data.batch(indices)}

    for name, parameter in lvlm.model.named_parameters():
        parameter.requires_grad_(not name.startswith(lvlm.tower_prefixes))
    fit(
        Answering(lvlm),
        range(len(prompts)),  # type: ignore[arg-type]
        collate,
        folder,
        steps=recipe.lm_steps,
        batch=recipe.lm_batch,
        lr=recipe.lm_lr,
        matrix_lr=recipe.lm_matrix_lr,
        seed=recipe.seed,
    )
    lvlm.model.requires_grad_(False)
