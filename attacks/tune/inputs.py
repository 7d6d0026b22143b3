"""Turn samples into the model inputs of a training step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from attacks.parts import Part
from bench.lvlm.base import LVLM, Layout
from bench.lvlm.text import Prompt
from bench.lvlm.workers import map_threads
from bench.samples import Sample

PixelInputs = dict[str, torch.Tensor]
"""The tensors that the Hugging Face processor returns for one picture."""

LIMIT = 32 * 2**20
"""Bytes of processed pictures that are kept for the next pass over the samples."""


class Inputs:
    """Tokens and processed pictures, made as the batches need them.

    The first processed pictures stay in main memory, up to LIMIT bytes; small ones are then processed once. Keeping the
    first and not the last ones helps where every pass takes the samples in another order.
    """

    candidates: int = 1
    """The number of augmentations of each picture in a batch."""

    def __init__(self, victim: LVLM, samples: Sequence[Sample]) -> None:
        """Check every sample, before a step is taken. Raises UserError for one that the victim cannot read."""
        self.victim, self.samples = victim, samples
        for sample in samples:
            self.layout(sample)
            victim.text.render(Prompt(sample.question, sample.answer))
        self.kept: dict[int, PixelInputs] = {}
        self.kept_bytes = 0

    def layout(self, sample: Sample) -> Layout:
        """Return the image tokens of a sample's picture, by its size."""
        return self.victim.layout((sample.shape[0], sample.shape[1]))

    def pictures(self, indices: Sequence[int]) -> list[PixelInputs]:
        """Return the processed pictures of samples; samples that share a picture share it."""
        samples = {id(self.samples[i].picture): self.samples[i] for i in indices}
        new = [key for key in samples if key not in self.kept]
        made = map_threads(lambda key: self.victim.run_processor([samples[key].pixels]), new)
        processed = dict(zip(new, made, strict=True))
        for key, picture in processed.items():
            size = sum(value.nbytes for value in picture.values())
            if self.kept_bytes + size <= LIMIT:
                self.kept[key] = picture
                self.kept_bytes += size
        return [self.kept.get(key) or processed[key] for key in (id(self.samples[i].picture) for i in indices)]

    def collate(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """Return the batch of the samples at `index` of each row, with labels on the answer tokens only.

        With several candidates, the batch is of the first ones; `candidates` has all of them, as a list of batches.
        """
        indices = [row["index"] for row in rows]
        samples = [self.samples[i] for i in indices]
        layouts = [self.layout(sample) for sample in samples]
        encoded = self.victim.encode([Prompt(s.question, s.answer) for s in samples], layouts)
        candidates = [self.pictures(indices) for _ in range(self.candidates)]
        return {
            "input_ids": encoded.ids,
            "attention_mask": encoded.mask.long(),
            "labels": encoded.ids.masked_fill(~encoded.answer, -100),
            **self.victim.position_inputs(encoded, layouts),
            **self.collate_pictures(candidates[0]),
            **({"candidates": candidates} if self.candidates > 1 else {}),
        }

    def collate_pictures(self, pictures: Sequence[PixelInputs]) -> PixelInputs:
        """Return processed pictures as one batch, in the model's precision and on its device."""
        return self.victim.to_model(self.victim.collate(pictures))


class AugmentedInputs(Inputs):
    """Inputs whose first `count` pictures, the training set, are augmented anew each time."""

    def __init__(self, victim: LVLM, samples: Sequence[Sample], count: int, parts: Sequence[Part], seed: int) -> None:
        super().__init__(victim, samples)
        self.parts, self.rng = parts, np.random.default_rng([seed, count])
        self.count = count
        self.candidates = max(part.candidates for part in parts)

    def pictures(self, indices: Sequence[int]) -> list[PixelInputs]:
        """Return processed pictures of the training set after the `augment` of every part in order; or of the others.

        Each picture has a generator of its own, so that several can be augmented side by side.
        """
        if indices[0] >= self.count:
            return super().pictures(indices)
        return map_threads(self._augmented, indices, self.rng.spawn(len(indices)))

    def _augmented(self, index: int, rng: np.random.Generator) -> PixelInputs:
        picture = self.samples[index].pixels
        for part in self.parts:
            picture = part.augment(picture, rng)
        return self.victim.run_processor([picture])
