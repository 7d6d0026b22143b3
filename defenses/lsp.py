"""Linearly separable perturbations, LSP (Yu et al., KDD 2022): no model, no gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field

from bench.samples import SampleSet
from bench.spec import Budget, Options
from defenses import register
from defenses.base import Card, Defense, Progress, Protected
from defenses.craft.clusters import ClusterOptions, by_answer, stretched

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM


class LspOptions(ClusterOptions):
    """The grid of blocks."""

    blocks: int = Field(8, ge=2, le=64, description="blocks along a side (original: 8 pixels a block)")
    separation: float = Field(10.0, gt=0, le=1000, description="class_sep of make_classification (original: 10)")


@register("lsp")
class LinearlySeparable(Defense):
    """Blocks of noise that a linear classifier tells apart by the answer; made without a model."""

    Options: ClassVar[type[Options]] = LspOptions
    depends: ClassVar[frozenset[str]] = frozenset({"budget", "seed"})
    card = Card(
        paper="Yu et al., Availability Attacks Create Shortcuts, KDD 2022",
        needs="answers; no model",
        touches="pictures, blocks drawn for each from the distribution of its answer cluster",
        adaptation="class to answer cluster; blocks keep the sign of the original's features, at the full L-inf budget "
        "(original: an L2 ball, about 6 levels a value); an 8 x 8 grid of blocks whatever the picture's size",
        validation="effect tests (linear separability) alone; not comparable: CIFAR-10 with ResNet-18 13 to 19 % "
        "against 94 % clean, ImageNet-100 38.5 %",
    )

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """See `Defense.protect`."""
        from sklearn.datasets import make_classification

        o, seed = self.options, int(rng.integers(2**31))
        clusters = by_answer(samples, o.clusters, seed)
        known = sorted(set(clusters.values()))
        features = o.blocks**2 * 3
        drawn, owner = make_classification(
            n_samples=len(known) * max(list(clusters.values()).count(k) for k in known),
            n_features=features,
            n_informative=features,
            n_redundant=0,
            n_classes=len(known),
            n_clusters_per_class=1,
            class_sep=o.separation,
            flip_y=0.0,
            random_state=seed,
        )
        waiting = {k: iter(np.sign(drawn[owner == n])) for n, k in enumerate(known)}
        noise = {key: budget.epsilon * next(waiting[k]).reshape(3, o.blocks, o.blocks) for key, k in clusters.items()}
        pictures = {}
        for s in samples:
            own = stretched(noise[s.image_id], s.pixels.shape[:2]).transpose(1, 2, 0)
            pictures[s.image_id] = np.clip(s.pixels + own, 0, 255).astype(np.uint8)
        return Protected(SampleSet(tuple(replace(s, pixels=pictures[s.image_id]) for s in samples)))
