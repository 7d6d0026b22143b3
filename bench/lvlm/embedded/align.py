"""Teach the language model of `smol-llava` to read its tower: a closed-form start of the projector, then training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.progress import track
from transformers import Trainer

from bench.lvlm.base import LVLM
from bench.lvlm.embedded.language import AnswerLoss, make_prompts
from bench.lvlm.embedded.smol_llava import SEED, attach_learner
from bench.lvlm.embedded.tower import Pictures
from bench.lvlm.embedded.training import make_arguments, run

STEPS = 500
BATCH = 16
RATE = 1e-3
RIDGE = 1e-2
"""Penalty of the closed-form start, as a share of the mean squared feature."""
START_PICTURES = 4
"""Renderings of each concept in the closed-form start."""
CHUNK = 64
"""Pictures that go through the tower at once."""


@torch.no_grad()
def start_projector(lvlm: LVLM, data: Pictures, labels: pd.DataFrame) -> None:
    """Fit the projector's second layer, in closed form, so that each patch points to the words of its picture's name.

    The target of every patch is the mean embedding of the tokens of the name (ridge regression on the features after
    the first layer, whose weights stay random). From here the language model is taught in minutes rather than hours.
    """
    projector, tower = lvlm.model.model.multi_modal_projector, lvlm.model.model.vision_tower
    chosen = [i for rows in labels.groupby("concept").indices.values() for i in rows[:START_PICTURES]]
    names = {name: lvlm.tokenizer(f" {name}", add_special_tokens=False)["input_ids"] for name in set(labels["name"])}
    size = projector.linear_2.in_features
    gram, moment, scale = torch.zeros(size + 1, size + 1), torch.zeros(size + 1, projector.linear_2.out_features), None
    for part in track(np.array_split(chosen, len(chosen) // CHUNK), description="Projector"):
        patches = tower(data.batch(part.tolist())["pixel_values"]).last_hidden_state[:, 1:]
        if scale is None:
            scale = patches.std()
            projector.linear_1.weight.normal_(0, float(1 / scale) / patches.shape[-1] ** 0.5)
            projector.linear_1.bias.zero_()
        hidden = projector.act(projector.linear_1(patches))
        hidden = torch.cat([hidden, torch.ones(*hidden.shape[:2], 1)], -1)
        words = torch.stack([lvlm.embedding(torch.tensor(names[labels["name"].iloc[i]])).mean(0) for i in part])
        gram += hidden.flatten(0, 1).T @ hidden.flatten(0, 1)
        moment += hidden.sum(1).T @ words
    penalty = RIDGE * gram.diagonal()[:-1].mean() * torch.eye(size + 1)
    penalty[-1, -1] = 0
    solution = torch.linalg.solve(gram + penalty, moment)
    projector.linear_2.weight.copy_(solution[:-1].T)
    projector.linear_2.bias.copy_(solution[-1])


class Alignment(AnswerLoss):
    """The answer loss of a model that wears an adapter; its checkpoints hold the trained weights alone."""

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the weights that are trained."""
        trained = {name for name, p in self.named_parameters() if p.requires_grad}
        return {name: value for name, value in torch.nn.Module.state_dict(self).items() if name in trained}

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load the weights that are trained; the others stay."""
        return torch.nn.Module.load_state_dict(self, {**torch.nn.Module.state_dict(self), **state_dict})


def align(lvlm: LVLM, data: Pictures, labels: pd.DataFrame, folder: Path, steps: int = STEPS) -> None:
    """Train projector and adapter of `lvlm` in place on questions about `data`; resumable from `folder`.

    The model wears the adapter afterwards.
    """
    start_projector(lvlm, data, labels)
    attach_learner(lvlm)
    module, prompts = Alignment(lvlm), make_prompts(labels, SEED)

    def collate(indices: list[int]) -> dict[str, object]:
        encoded = lvlm.encode([prompts[i] for i in indices], [module.layout] * len(indices))
        return {"encoded": encoded, "inputs": data.batch(indices)}

    others = {"learning_rate": RATE, "lr_scheduler_type": "cosine", "warmup_steps": 20, "save_steps": 50}
    arguments = make_arguments(folder, steps=steps, batch=BATCH, seed=SEED, logging_steps=10, **others)
    run(Trainer(module, arguments, collate, range(len(prompts))))
