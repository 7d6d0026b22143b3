"""A defense of the suite with two more limits: the pictures that it sees at once, and a platform to survive."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.random import Generator

from bench.owner.measure import losses
from bench.owner.platforms import Platform
from bench.progress import Progress
from defenses.base import Defense
from defenses.craft.draft import Batch, Draft
from defenses.craft.pixel import PixelDefense, PixelOptions
from defenses.craft.surrogates import Surrogate


class Bounded(PixelDefense):
    """The loop in parts of at most `items` pictures. Every other one, at random, is seen through the platform."""

    items: ClassVar[int]
    platform: ClassVar[Platform | None]

    def __init__(self, options: PixelOptions) -> None:
        super().__init__(options)
        self.losses: dict[str, list[float]] = {}

    def make_draft(self, *arguments: Any) -> Draft:
        """Return the release before its first step, with a limit on what is worked on together."""
        draft = super().make_draft(*arguments)
        draft.memory_limit.max_items = self.items
        return draft

    def transform(self, image: torch.Tensor, rng: Generator) -> torch.Tensor:
        """Return a picture as it is, or as the platform hands it on, with equal probability."""
        image = super().transform(image, rng)
        return self.platform.pass_through(image) if self.platform and rng.integers(2) else image

    def step_turn(self, batches: Sequence[Batch], surrogates: Sequence[Surrogate], progress: Progress) -> float:
        """Step as ever, and measure the losses after the last round, while the surrogates are still adapted."""
        loss = super().step_turn(batches, surrogates, progress)
        for batch in batches if batches[0].round == self.options.rounds - 1 else ():
            draft = batch.draft
            clean = [draft.samples[i] for i in batch.indices]
            release = [
                sample.change(pixels=to_pixels(draft.image(sample.image_id)), question=draft.prompt(i, "").question)
                for i, sample in zip(batch.indices, clean, strict=True)
            ]
            for side, values in losses([s.lvlm for s in surrogates], clean, release, self.platform).items():
                self.losses.setdefault(side, []).extend(values)
        return loss


def to_pixels(levels: torch.Tensor) -> np.ndarray:
    """Return levels (3, H, W) as pixels (H, W, 3) uint8."""
    pixels: np.ndarray = levels.permute(1, 2, 0).round().byte().cpu().numpy()
    return pixels


def bound(defense: Defense, items: int, platform: Platform | None) -> Defense:
    """Return a defense with the same options within these limits; one without pixel steps as it is."""
    if not isinstance(defense, PixelDefense):
        return defense
    cls = type("BoundedDefense", (Bounded, type(defense)), {"items": items, "platform": platform})
    bounded: Defense = cls(defense.options)
    return bounded
