"""From samples to the model inputs of a step: made once, or anew in each step where a part augments pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from attacks.parts import Part
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import Sample

Pixels = dict[str, torch.Tensor]
"""What the Hugging Face processor gives for one picture."""


class Inputs:
    """Everything a step needs, made once: token rows, and what the Hugging Face processor gives for each picture.

    Pictures wait on the processor: a card has no room for all that a large model's are cut into.
    """

    looks = 1
    """How many looks at each picture a batch has."""

    def __init__(self, victim: LVLM, samples: Sequence[Sample]) -> None:
        self.victim = victim
        self.layouts = [victim.layout(s.pixels.shape[:2]) for s in samples]
        self.rows = [
            victim.text.encode_one(Prompt(s.question, s.answer), victim.image_tokens(layout))
            for s, layout in zip(samples, self.layouts, strict=True)
        ]
        self.pixels = [self.processed(s.pixels) for s in samples]

    def processed(self, picture: np.ndarray) -> Pixels:
        """What the processor gives for a picture (H, W, 3) uint8."""
        return {key: value.cpu() for key, value in self.victim.run_processor([picture]).items()}

    def look(self, index: int) -> Pixels:
        """How the picture of a sample looks this time."""
        return self.pixels[index]

    def collate(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """A batch for the model, with labels on the answers alone.

        Of several looks the batch has the first, and all of them, one list a look, under `looks`.
        """
        indices = [row["index"] for row in rows]
        layouts = [self.layouts[i] for i in indices]
        encoded = self.victim.text.pad([self.rows[i] for i in indices]).to(self.victim.device)
        looks = [[self.look(i) for i in indices] for _ in range(self.looks)]
        return {
            "input_ids": encoded.ids,
            "attention_mask": encoded.mask.long(),
            "labels": encoded.ids.masked_fill(~encoded.answer, -100),
            **self.victim.position_inputs(encoded, layouts),
            **self.batch(looks[0]),
            **({"looks": looks} if self.looks > 1 else {}),
        }

    def batch(self, pictures: Sequence[Pixels]) -> Pixels:
        """Pictures as one batch in the model's precision, on its device."""
        together = self.victim.to_model_dtype(self.victim.collate(pictures))
        return {key: value.to(self.victim.device) for key, value in together.items()}


class Augmented(Inputs):
    """The same where the first `count` pictures, those that are trained on, look different each time."""

    def __init__(self, victim: LVLM, samples: Sequence[Sample], count: int, parts: Sequence[Part], seed: int) -> None:
        super().__init__(victim, samples)
        self.parts, self.rng = parts, np.random.default_rng([seed, count])
        self.pictures = [s.pixels for s in samples[:count]]
        self.looks = max(part.views for part in parts)

    def look(self, index: int) -> Pixels:
        """Through the `view` of every part, in order."""
        if index >= len(self.pictures):
            return self.pixels[index]
        picture = self.pictures[index]
        for part in self.parts:
            picture = part.view(picture, self.rng)
        return self.processed(picture)
