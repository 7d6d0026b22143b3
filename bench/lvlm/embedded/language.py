"""Second stage of pretraining: teach projector and language model to answer questions about pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from bench.datasets.emoji import questions, render
from bench.lvlm.base import LVLM
from bench.lvlm.embedded.recipes import Recipe
from bench.lvlm.embedded.tower import Pictures
from bench.lvlm.embedded.training import fit
from bench.lvlm.text import Encoded, Prompt

KINDS = {
    "name": (questions.NAMING, 0.75),
    "category": (questions.CATEGORY, 0.1),
    "background": (questions.BACKGROUND, 0.1),
    "size": (questions.SIZE, 0.05),
}
"""The phrasings of each kind of question, and its share of the training questions."""


def make_prompt(labels: pd.Series, kind: str, phrasing: str) -> Prompt:
    """Return a question of one kind about a rendering, with its answer."""
    answer = {
        "name": labels["name"],
        "category": labels["category"].lower(),
        "background": labels["background"],
        "size": "large" if labels["large"] else "small",
    }[kind]
    return Prompt(phrasing, answer)


def make_prompts(labels: pd.DataFrame, seed: int) -> list[Prompt]:
    """Return a random question about each rendering; the kinds have their shares."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(list(KINDS), size=len(labels), p=[share for _, share in KINDS.values()])
    return [
        make_prompt(row, kind, str(rng.choice(KINDS[kind][0])))
        for (_, row), kind in zip(labels.iterrows(), kinds, strict=True)
    ]


class AnswerLoss(nn.Module):
    """An LVLM whose forward returns the mean answer NLL of a batch in the form that the Trainer needs."""

    def __init__(self, lvlm: LVLM) -> None:
        super().__init__()
        self.lvlm, self.model = lvlm, lvlm.model
        self.layout = lvlm.layout((render.SIZE, render.SIZE))

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Leave out the head, which shares its memory with the embedding table: safetensors refuses that."""
        return {k: v for k, v in super().state_dict(*args, **kwargs).items() if not k.endswith("lm_head.weight")}

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load weights; the head follows the embedding table that it is tied to."""
        return super().load_state_dict({**super().state_dict(), **state_dict}, *args, **kwargs)

    def forward(self, encoded: Encoded, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the cross-entropy of an answer token, averaged over the batch."""
        positions = self.lvlm.position_inputs(encoded, [self.layout] * len(encoded.ids))
        loss = self.lvlm.forward_inputs(encoded, {**inputs, **positions}).loss
        return {"loss": loss.sum() / encoded.answer.sum()}


def train_language(lvlm: LVLM, data: Pictures, labels: pd.DataFrame, recipe: Recipe, folder: Path) -> None:
    """Train projector and language model of `lvlm` in place on questions about `data`; the tower stays frozen."""
    module, prompts = AnswerLoss(lvlm), make_prompts(labels, recipe.seed)

    def collate(indices: list[int]) -> dict[str, object]:
        encoded = lvlm.encode([prompts[i] for i in indices], [module.layout] * len(indices))
        return {"encoded": encoded, "inputs": data.batch(indices)}

    for name, parameter in lvlm.model.named_parameters():
        parameter.requires_grad_(not name.startswith(lvlm.tower_prefixes))
    fit(module, len(prompts), collate, folder, recipe.language_training)
    lvlm.model.requires_grad_(False)
