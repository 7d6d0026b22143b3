"""BAIT (When Priors Backfire, ICLR 2026): noise that gives its answer on pictures of something else."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from numpy.random import Generator

from bench.samples import SampleSet
from defenses import register
from defenses.base import Card
from defenses.craft.classwise import ClassWise
from defenses.craft.clusters import members
from defenses.craft.draft import Draft, Draw, Targets
from defenses.craft.surrogates import Surrogate
from defenses.craft.vision import compute_features


@register("bait")
class Bait(ClassWise):
    """Class-wise noise bound to its answer on pictures with other answers; made against pretrained trainers."""

    card = Card(
        paper="When Priors Backfire (BAIT), ICLR 2026, arXiv 2603.04731",
        needs="answers, and a pretrained LVLM as surrogate",
        touches="pictures, one noise for each cluster of answers",
        adaptation="class becomes answer cluster. Inner level: the surrogate is adapted to the released pictures with "
        "their true answers. Outer level: a cluster's noise, question and answer are shown with a picture of another "
        "cluster. The wrong clusters follow the published curriculum, hardest, random, least similar, in thirds of the "
        "rounds. Inferred: hardest is the cluster nearest in the vision tower's features, least similar the farthest. "
        "The noise is stepped where the original trains a generator, and inner steps are not unrolled (original: one "
        "meta-step, 90 epochs); rounds and steps as em",
        validation="effect tests alone: its tables could not be read",
    )
    exempt: ClassVar[Mapping[str, str]] = {
        "training_loss": "it binds noise to answers on other pictures than the released ones: "
        "tests/defenses/craft/test_classwise.py"
    }

    def choose_targets(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], groups: dict[str, int], rng: Generator
    ) -> Targets:
        """Return the true answers, and for each cluster the others, nearest first in the first surrogate's tower."""
        features, clusters = compute_features(samples, surrogates[0].lvlm), members(groups)
        centres = torch.stack([torch.stack([features[key] for key in keys]).mean(0) for keys in clusters.values()])
        numbers = list(clusters)
        order = torch.cdist(centres, centres).argsort(1).tolist()
        rivals = {n: [numbers[i] for i in row if numbers[i] != n] for n, row in zip(numbers, order, strict=True)}
        return Targets([s.answer for s in samples], rivals=rivals)

    def choose_carrier(self, draft: Draft, image_id: str, draw: Draw) -> str:
        """Return the image_id of a picture of another cluster and the same size; if there is none, its own.

        The middle of the round decides the stage: a single round is in the second of the three.
        """
        size, rivals = draft.clean.size(image_id), draft.targets.rivals[draft.groups[image_id]]
        carriers = {n: [key for key in draft.members[n] if draft.clean.size(key) == size] for n in rivals}
        nearest_first = [keys for keys in carriers.values() if keys]
        if not nearest_first:
            return image_id
        stage = min(2, int(3 * (draw[1] + 0.5) / self.options.rounds))
        every = [key for keys in nearest_first for key in keys]
        pictures = (nearest_first[0], every, nearest_first[-1])[stage]
        return str(draft.rng(draw, image_id).choice(pictures))
