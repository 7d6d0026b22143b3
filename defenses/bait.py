"""BAIT (When Priors Backfire, ICLR 2026): noise that gives its answer on pictures of something else."""

from typing import ClassVar

import torch

from defenses import register
from defenses.base import Card
from defenses.craft.classwise import ClassWise
from defenses.craft.draft import Batch


@register("bait")
class Bait(ClassWise):
    """Class-wise noise bound to its answer on pictures with other answers; made against pretrained trainers."""

    card: ClassVar[Card] = Card(
        paper="When Priors Backfire (BAIT), ICLR 2026, arXiv 2603.04731",
        needs="answers, and a pretrained LVLM as surrogate",
        touches="pictures, one noise a cluster of answers",
        adaptation="class to answer cluster; the pixel step shows a cluster's noise, question and answer with a random "
        "picture of another cluster (original: a generator, unrolled, and a curriculum from the hardest to the least "
        "similar wrong class); rounds and steps as em",
        validation="effect tests alone: its tables could not be read",
    )

    def under(self, batch: Batch) -> list[torch.Tensor]:
        """A picture of another cluster for each; its own where there is none of its size."""
        return [batch.draft.clean[self.foreign(batch, key)] for key in batch.image_ids]

    def foreign(self, batch: Batch, image_id: str) -> str:
        """The picture that is shown in place of one."""
        clean = batch.draft.clean
        others = [
            key
            for key, picture in clean.items()
            if picture.shape == clean[image_id].shape and self.clusters[key] != self.clusters[image_id]
        ]
        return str(batch.rng(image_id).choice(others)) if others else image_id
