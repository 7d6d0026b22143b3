"""Second stage of pretraining: the language model learns to answer questions about what the tower sees."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from bench.datasets.emoji.questions import BACKGROUND, CATEGORY, NAMING, SIZE
from bench.lvlm.base import LVLM
from bench.lvlm.embedded.recipes import Recipe
from bench.lvlm.embedded.tower import Pictures
from bench.lvlm.embedded.training import fit
from bench.lvlm.text import Encoded, Prompt

KINDS = {"name": (NAMING, 0.7), "category": (CATEGORY, 0.12), "background": (BACKGROUND, 0.12), "size": (SIZE, 0.06)}
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

    def forward(self, encoded: Encoded, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Cross-entropy per answer token."""
        layouts = [self.lvlm.layout((64, 64))] * len(encoded.ids)
        loss = self.lvlm.forward(encoded, inputs, layouts=layouts).loss
        return {"loss": loss.sum() / encoded.answer.sum()}


def train_language(lvlm: LVLM, data: Pictures, labels: pd.DataFrame, recipe: Recipe, folder: Path) -> None:
    """Train every weight of `lvlm` in place on questions about `data`."""
    rng = np.random.default_rng(recipe.seed)
    kinds = rng.choice(list(KINDS), size=len(labels), p=[share for _, share in KINDS.values()])
    prompts = [
        prompt(row, kind, str(rng.choice(KINDS[kind][0])))
        for (_, row), kind in zip(labels.iterrows(), kinds, strict=True)
    ]
    layout = lvlm.layout((64, 64))

    def collate(indices: list[int]) -> dict[str, object]:
        encoded = lvlm.encode([prompts[i] for i in indices], [layout] * len(indices))
        return {"encoded": encoded, "inputs": data.batch(indices)}

    lvlm.model.requires_grad_(True)
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
