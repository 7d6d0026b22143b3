"""BAIT (When Priors Backfire, ICLR 2026): noise that gives its answer on pictures of something else."""

from collections.abc import Mapping
from typing import ClassVar

from defenses import register
from defenses.base import Card
from defenses.craft.classwise import ClassWise
from defenses.craft.draft import Draft, Draw


@register("bait")
class Bait(ClassWise):
    """Class-wise noise bound to its answer on pictures with other answers; made against pretrained trainers."""

    card = Card(
        paper="When Priors Backfire (BAIT), ICLR 2026, arXiv 2603.04731",
        needs="answers, and a pretrained LVLM as surrogate",
        touches="pictures, one noise for each cluster of answers",
        adaptation="class becomes answer cluster; the pixel step shows a cluster's noise, question and answer with a "
        "random picture of another cluster (original: a generator, unrolled, and a curriculum from the hardest to the "
        "least similar wrong class); rounds and steps as em",
        validation="effect tests alone: its tables could not be read",
    )
    exempt: ClassVar[Mapping[str, str]] = {
        "training_loss": "it binds noise to answers on other pictures than the released ones: "
        "tests/defenses/craft/test_classwise.py"
    }

    def choose_carrier(self, draft: Draft, image_id: str, draw: Draw) -> str:
        """Return the image_id of a picture of another cluster and the same size; if there is none, its own."""
        others = [
            key
            for key, picture in draft.clean.items()
            if picture.shape == draft.clean[image_id].shape and draft.groups[key] != draft.groups[image_id]
        ]
        return str(draft.rng(draw, image_id).choice(others)) if others else image_id
