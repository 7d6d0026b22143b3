"""Unlearnable clusters, UC (Zhang et al., CVPR 2023): no labels, and of the surrogate the vision tower alone."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Unpack

import torch
from numpy.random import Generator
from pydantic import Field
from torch.nn import functional as F

from bench.lvlm.text import Encoded
from bench.samples import SampleSet
from defenses import register
from defenses.base import Card
from defenses.craft.classwise import ClassOptions, ClassWise
from defenses.craft.clusters import members
from defenses.craft.draft import Step, Targets
from defenses.craft.pixel import ForwardInputs
from defenses.craft.surrogates import Surrogate
from defenses.craft.vision import cluster_by_vision, compute_features, tower_features


class UcOptions(ClassOptions):
    """As many pixel steps as `em`, in one round without adaptation."""

    rounds: int = Field(1, ge=1, le=1, description="one: nothing changes between rounds")
    image_steps: int = Field(24, ge=0, le=500, description="signed pixel steps on each cluster's noise")
    inner_steps: int = Field(0, ge=0, le=0, description="the surrogate stays as it is")


@register("uc")
class UnlearnableClusters(ClassWise[UcOptions]):
    """Noise that moves each cluster of pictures to the next cluster's centre in the vision tower; no answers."""

    card = Card(
        paper="Zhang et al., Unlearnable Clusters, CVPR 2023",
        needs="a vision tower as surrogate; no answers, no language model",
        touches="pictures, one noise for each cluster of vision features",
        adaptation="label-free as published; the noise itself is stepped where the original trains a generator for "
        "each cluster (50 epochs); 24 steps of one level, as many as em, each of them against the sum of the gradients "
        "of all of the cluster's pictures; 8 levels instead of 16",
        validation="effect tests alone; not comparable: UC-CLIP at 16 levels, Cars 10.9 % against 43.3 % clean",
    )
    exempt: ClassVar[Mapping[str, str]] = {
        "training_loss": "it knows no answers and moves features: tests/defenses/craft/test_classwise.py"
    }

    def assign_groups(self, samples: SampleSet, surrogates: Sequence[Surrogate], seed: int) -> dict[str, int]:
        """Return the cluster of each picture, by the features of the first surrogate's tower."""
        return cluster_by_vision(samples, surrogates[0].lvlm, self.options.clusters, seed)

    def choose_targets(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], groups: dict[str, int], rng: Generator
    ) -> Targets:
        """Return for each sample, in each tower, the centre of the next cluster."""
        clusters = members(groups)
        order = sorted(clusters)
        following = dict(zip(order, order[1:] + order[:1], strict=True))
        targets = {}
        for surrogate in surrogates:
            features = compute_features(samples, surrogate.lvlm)
            centres = {n: torch.stack([features[key] for key in keys]).mean(0) for n, keys in clusters.items()}
            targets[surrogate.lvlm.name] = torch.stack([centres[following[groups[s.image_id]]] for s in samples])
        return Targets([s.answer for s in samples], targets)

    def objective(
        self, surrogate: Surrogate, step: Step, encoded: Encoded, **inputs: Unpack[ForwardInputs]
    ) -> torch.Tensor:
        """Return KL(next centre || features), both through a softmax, for each sample (B,)."""
        features = tower_features(surrogate.lvlm, step.images).log_softmax(1)
        targets = step.batch.draft.targets.features[surrogate.lvlm.name][step.batch.indices]
        return F.kl_div(features, targets.to(features).log_softmax(1), reduction="none", log_target=True).sum(1)
