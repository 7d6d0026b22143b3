"""The recipe of each embedded victim: family, widths, seeds and the length of its pretraining."""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict


class Training(NamedTuple):
    """The settings of one stage of pretraining.

    steps: optimiser steps. batch: pictures in a step. lr, matrix_lr: peak learning rates of AdamW and of Muon.
    """

    steps: int
    batch: int
    lr: float
    matrix_lr: float
    seed: int


class Recipe(BaseModel):
    """An embedded victim and its pretraining.

    width and lm_width: hidden sizes of vision tower and language model. side: of a picture at the input of the tower,
    in pixels. pool: patches along one side of an image token, for families that join patches. vision: the tower of a
    LLaVA. tower_of: the victim whose trained tower this one takes over, so that two victims share it. seed: of the
    weights and the order of the data. data_seed: of the renderings of the pictures. tower_* and lm_*: the two stages,
    as in `Training`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    family: Literal["llava", "qwen3_vl", "gemma3", "internvl"]
    seed: int
    width: int
    lm_width: int
    side: int = 48
    pool: int = 2
    vision: Literal["clip", "siglip"] = "clip"
    tower_of: str | None = None
    layers: int = 4
    heads: int = 4
    vocabulary: int = 2000
    pictures_per_concept: int = 16
    data_seed: int = 0
    tower_steps: int = 1600
    tower_batch: int = 64
    tower_lr: float = 1.5e-3
    tower_matrix_lr: float = 8e-3
    lm_steps: int = 2400
    lm_batch: int = 32
    lm_lr: float = 2e-3
    lm_matrix_lr: float = 8e-3

    @property
    def tower_training(self) -> Training:
        """The first stage, in which the vision tower learns to classify concepts."""
        return Training(self.tower_steps, self.tower_batch, self.tower_lr, self.tower_matrix_lr, self.seed)

    @property
    def language_training(self) -> Training:
        """The second stage, in which projector and language model learn to answer questions."""
        return Training(self.lm_steps, self.lm_batch, self.lm_lr, self.lm_matrix_lr, self.seed)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="tiny-llava-a", family="llava", seed=11, width=128, lm_width=128),
        Recipe(name="tiny-llava-b", family="llava", seed=23, width=144, lm_width=144, tower_steps=2000),
        Recipe(name="tiny-qwen3vl", family="qwen3_vl", seed=37, width=128, lm_width=128),
        Recipe(name="tiny-gemma3", family="gemma3", seed=53, width=128, lm_width=128, vocabulary=2200, data_seed=1),
        Recipe(name="tiny-internvl", family="internvl", seed=71, width=128, lm_width=128, vocabulary=1800),
        Recipe(
            name="tiny-internvl-64",
            family="internvl",
            seed=83,
            width=128,
            lm_width=128,
            vocabulary=1800,
            side=64,
            pool=1,
        ),
        Recipe(
            name="tiny-gemma3-64",
            family="gemma3",
            seed=97,
            width=128,
            lm_width=128,
            vocabulary=2200,
            data_seed=1,
            side=64,
            pool=1,
            tower_steps=2400,
        ),
        Recipe(
            name="tiny-llava-64",
            family="llava",
            seed=109,
            width=128,
            lm_width=128,
            data_seed=1,
            side=64,
            vision="siglip",
            tower_of="tiny-gemma3-64",
            tower_steps=2400,
        ),
    )
}
