"""First stage of pretraining: train the vision tower as a classifier of the pretraining concepts.

Trained together from scratch, tower and language model learn the text of the names and ignore the picture. A tower
that already tells the concepts apart gives the language model something to read.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import BaseImageProcessor, PreTrainedModel

from bench.datasets.emoji.pretraining import PretrainingPictures
from bench.lvlm.embedded.build import BUILDERS
from bench.lvlm.embedded.recipes import Recipe
from bench.lvlm.embedded.training import fit


class TowerClassifier(nn.Module):
    """Mean-pooled features of an LVLM's vision tower and a linear head."""

    def __init__(self, lvlm: PreTrainedModel, classes: int) -> None:
        super().__init__()
        self.builder = BUILDERS[lvlm.config.model_type]
        self.tower = lvlm.get_submodule(self.builder.family.tower)
        self.head = nn.Linear(self.builder.feature_size(lvlm.config), classes)

    def features(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Return the features of a batch of pictures, (B, width)."""
        return self.builder.features(self.tower, inputs)

    def forward(self, labels: torch.Tensor, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits and their cross-entropy with label smoothing 0.1."""
        logits = self.head(self.features(**inputs))
        return {"loss": F.cross_entropy(logits, labels, label_smoothing=0.1), "logits": logits}


class Pictures:
    """The processor's pixel values of every picture, computed once, in float16."""

    def __init__(self, processor: BaseImageProcessor, pictures: PretrainingPictures) -> None:
        chunks = [
            processor(images=list(pictures.pixels[i : i + 512]), return_tensors="np")
            for i in range(0, len(pictures.pixels), 512)
        ]
        values = np.concatenate([c["pixel_values"].astype(np.float16) for c in chunks])
        self.values = values.reshape(len(pictures.pixels), -1, *values.shape[1:])
        self.grids = (
            None if "image_grid_thw" not in chunks[0] else np.concatenate([c["image_grid_thw"] for c in chunks])
        )

    def batch(self, indices: list[int]) -> dict[str, torch.Tensor]:
        """Return the model inputs of the pictures at `indices`."""
        values = torch.from_numpy(self.values[indices]).float().flatten(0, 1)
        if self.grids is None:
            return {"pixel_values": values}
        return {"pixel_values": values, "image_grid_thw": torch.from_numpy(self.grids[indices])}


def train_tower(lvlm: PreTrainedModel, data: Pictures, concepts: np.ndarray, recipe: Recipe, folder: Path) -> None:
    """Train the tower of `lvlm` in place; `concepts` (N,) are the classes of the pictures in `data`."""
    classifier = TowerClassifier(lvlm, int(concepts.max()) + 1)
    labels = torch.from_numpy(concepts)

    def collate(indices: list[int]) -> dict[str, torch.Tensor]:
        return {**data.batch(indices), "labels": labels[indices]}

    fit(classifier, len(concepts), collate, folder, recipe.tower_training)
