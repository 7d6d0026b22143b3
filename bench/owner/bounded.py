"""A defense of the suite with two more limits: the pictures that it sees at once, and a platform to survive."""

from typing import Any, ClassVar

import torch
from numpy.random import Generator

from bench.owner.platforms import Platform
from defenses.base import Defense
from defenses.craft.draft import Draft
from defenses.craft.pixel import PixelDefense


class Bounded(PixelDefense):
    """The loop in parts of at most `items` pictures; every other picture, at random, is seen through the platform."""

    items: ClassVar[int]
    platform: ClassVar[Platform | None]

    def make_draft(self, *arguments: Any) -> Draft:
        """Return the release before its first step, with a limit on what is worked on together."""
        draft = super().make_draft(*arguments)
        draft.memory_limit.max_items = self.items
        return draft

    def transform(self, image: torch.Tensor, rng: Generator) -> torch.Tensor:
        """Return a picture as it is, or as the platform hands it on, with equal probability."""
        image = super().transform(image, rng)
        return self.platform.pass_through(image) if self.platform and rng.integers(2) else image


def bound(defense: Defense, items: int, platform: Platform | None) -> Defense:
    """Return a defense with the same options within these limits; one without pixel steps as it is."""
    if not isinstance(defense, PixelDefense):
        return defense
    cls = type("BoundedDefense", (Bounded, type(defense)), {"items": items, "platform": platform})
    bounded: Defense = cls(defense.options)
    return bounded
