"""Linearly separable perturbations, LSP (Yu et al., KDD 2022): no model, no gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field

from bench.progress import Progress
from bench.samples import SampleSet
from bench.spec import Budget
from defenses import register
from defenses.base import Card, Defense, Protected
from defenses.craft.clusters import ClusterOptions, cluster_by_answer
from defenses.craft.noise import add_noise

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM


class LspOptions(ClusterOptions):
    """The grid of blocks."""

    blocks: int = Field(8, ge=2, le=64, description="blocks along a side (original: 8 pixels a block)")
    separation: float = Field(10.0, gt=0, le=1000, description="class_sep of make_classification (original: 10)")


@register("lsp")
class LinearlySeparable(Defense[LspOptions]):
    """Blocks of noise by which a linear classifier can tell the answer; made without a model."""

    depends: ClassVar[frozenset[str]] = frozenset({"budget", "seed"})
    card = Card(
        paper="Yu et al., Availability Attacks Create Shortcuts, KDD 2022",
        needs="answers; no model",
        touches="pictures, blocks drawn for each from the distribution of its answer cluster",
        adaptation="class becomes answer cluster; blocks keep the sign of the original's features, at the full L-inf "
        "budget (original: an L2 ball, about 6 levels a value); an 8 x 8 grid of blocks whatever the picture's size",
        validation="effect tests (linear separability) alone; not comparable: CIFAR-10 with ResNet-18 13 to 19 % "
        "against 94 % clean, ImageNet-100 38.5 %",
    )

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Draw a separable pattern of signs for each picture from the distribution of its answer cluster."""
        from sklearn.datasets import make_classification

        o, seed = self.options, int(rng.integers(2**31))
        clusters = cluster_by_answer(samples, o.clusters, seed)
        sizes = Counter(clusters.values())
        features = o.blocks**2 * 3
        points, labels = make_classification(
            n_samples=len(sizes) * max(sizes.values()),
            n_features=features,
            n_informative=features,
            n_redundant=0,
            n_classes=len(sizes),
            n_clusters_per_class=1,
            class_sep=o.separation,
            flip_y=0.0,
            random_state=seed,
        )
        signs = {cluster: iter(np.sign(points[labels == n])) for n, cluster in enumerate(sorted(sizes))}
        noise = {
            image_id: budget.epsilon * next(signs[cluster]).reshape(3, o.blocks, o.blocks)
            for image_id, cluster in clusters.items()
        }
        return Protected(add_noise(samples, noise))
