"""What tells the answers apart linearly in the pixels is projected out."""

from collections import defaultdict
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import Card, Knowledge, Part, part
from bench import spec
from bench.samples import SampleSet
from bench.scoring.matching import normalise


class OrthogonalProjectionOptions(spec.Options):
    """The linear probe."""

    iterations: int = Field(20, ge=1, le=1000, description="steps of its optimiser (L-BFGS)")
    l2: float = Field(1.0, gt=0, le=1e6, description="inverse strength of its L2 penalty")


@part("orthogonal_projection")
class OrthogonalProjection(Part):
    """Logistic regression from pixels to answers; every picture is made orthogonal to the weights that it found."""

    card = Card("K1", 1.1, "class-wise noise, which is linearly separable", "Sandoval-Segura et al., NeurIPS 2023")
    Options: ClassVar[type[spec.Options]] = OrthogonalProjectionOptions

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Part.prepare`. Pictures of one size are projected together; those of a lone answer are left."""
        said: dict[str, list[str]] = defaultdict(list)
        for s in released:
            said[s.image_id].append(normalise(s.answer))
        pictures = {s.image_id: s.pixels for s in released}
        groups: dict[tuple[int, ...], list[str]] = defaultdict(list)
        for key, pixels in pictures.items():
            groups[pixels.shape].append(key)
        for keys in groups.values():
            labels = [" ".join(sorted(said[key])) for key in keys]
            if len(set(labels)) > 1:
                stack = np.stack([pictures[key] for key in keys])
                pictures |= zip(keys, self._project(stack, labels), strict=True)
        return SampleSet(tuple(replace(s, pixels=pictures[s.image_id]) for s in released))

    def _project(self, pictures: np.ndarray, labels: list[str]) -> np.ndarray:
        from sklearn.linear_model import LogisticRegression

        flat = pictures.reshape(len(pictures), -1) / 255.0
        centre = flat.mean(0)
        probe = LogisticRegression(C=self.options.l2, max_iter=self.options.iterations, tol=1e-3)
        basis, _ = np.linalg.qr(probe.fit(flat - centre, labels).coef_.T)
        away = flat - centre
        kept = centre + away - (away @ basis) @ basis.T
        return (kept * 255).round().clip(0, 255).astype(np.uint8).reshape(pictures.shape)
