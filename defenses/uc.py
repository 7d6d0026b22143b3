"""Unlearnable clusters, UC (Zhang et al., CVPR 2023): no labels, and of the surrogate the vision tower alone."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from numpy.random import Generator
from pydantic import Field
from torch.nn import functional as F

from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded
from bench.samples import SampleSet
from bench.spec import Budget, Options
from defenses import register
from defenses.base import Card
from defenses.craft.classwise import ClassOptions, ClassWise
from defenses.craft.clusters import by_vision
from defenses.craft.draft import Batch, Draft, Surrogate
from defenses.craft.vision import features_of, tower_features


class UcOptions(ClassOptions):
    """As many pixel steps as em's, in one round without adaptation."""

    rounds: int = Field(1, ge=1, le=1, description="one: nothing changes between rounds")
    image_steps: int = Field(12, ge=0, le=500, description="signed pixel steps on each cluster's noise")
    inner_steps: int = Field(0, ge=0, le=0, description="the surrogate stays as it is")


@register("uc")
class UnlearnableClusters(ClassWise):
    """Noise that moves each cluster of pictures to the next cluster's centre in the vision tower; no answers."""

    Options: ClassVar[type[Options]] = UcOptions
    card = Card(
        paper="Zhang et al., Unlearnable Clusters, CVPR 2023",
        needs="a vision tower as surrogate; no answers, no language model",
        touches="pictures, one noise a cluster of vision features",
        adaptation="label-free as published; the noise itself is stepped where the original trains a generator for "
        "each cluster (50 epochs); 8 levels instead of 16",
        validation="effect tests alone; not comparable: UC-CLIP at 16 levels, Cars 10.9 % against 43.3 % clean",
    )

    def grouped(self, samples: SampleSet, surrogates: Sequence[Surrogate], seed: int) -> dict[str, int]:
        """By the features of the first surrogate's tower."""
        return by_vision(samples, surrogates[0].lvlm, self.options.clusters, seed)

    def start(self, draft: Draft, surrogates: Sequence[Surrogate], budget: Budget, rng: Generator) -> None:
        """The centre of each cluster in each tower."""
        super().start(draft, surrogates, budget, rng)
        self.centres = {s.lvlm.name: self.means(draft.samples, s.lvlm) for s in surrogates}

    def means(self, samples: SampleSet, lvlm: LVLM) -> dict[int, torch.Tensor]:
        """(D,) mean features of each cluster."""
        found = features_of(samples, lvlm)
        return {n: torch.stack([found[key] for key in keys]).mean(0) for n, keys in self.members.items()}

    def objective(
        self, surrogate: Surrogate, batch: Batch, encoded: Encoded, images: list[torch.Tensor], **inputs: Any
    ) -> torch.Tensor:
        """KL(next centre || features), both through a softmax, for each sample (B,)."""
        lvlm, order = surrogate.lvlm, sorted(self.members)
        after = dict(zip(order, order[1:] + order[:1], strict=True))
        owners = [self.clusters[batch.draft.samples[i].image_id] for i in batch.indices]
        wanted = torch.stack([self.centres[lvlm.name][after[n]] for n in owners])
        now = tower_features(lvlm, images).log_softmax(1)
        return F.kl_div(now, wanted.to(now).log_softmax(1), reduction="none", log_target=True).sum(1)
