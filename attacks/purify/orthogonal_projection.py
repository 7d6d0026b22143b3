"""Project out the directions in pixel space that separate the answers linearly (Sandoval-Segura et al., 2023)."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from pydantic import Field

from attacks.parts import AttackCard, Knowledge, Part, part
from bench import spec
from bench.samples import SampleSet
from bench.scoring.matching import normalise


class OrthogonalProjectionOptions(spec.Options):
    """The training of the linear probe."""

    iterations: int = Field(20, ge=1, le=1000, description="steps of its optimiser (L-BFGS)")
    l2: float = Field(1.0, gt=0, le=1e6, description="inverse strength of its L2 penalty")
    directions: int = Field(
        3, ge=0, le=10_000, description="strongest directions that are removed; 0: all of the probe"
    )


@part("orthogonal_projection")
class OrthogonalProjection(Part[OrthogonalProjectionOptions]):
    """Fit a logistic regression from pixels to answers, and make every picture orthogonal to its strongest directions.

    The paper removes all of them, with what is linear in clean pictures: nothing of the clean gain was left.
    """

    card = AttackCard(
        "K1", 1.1, "class-wise noise, which is linearly separable", "Sandoval-Segura et al., NeurIPS 2023"
    )

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Project the pictures of each size together. Where all of them have one answer, they stay as they are.

        The label of a picture is made of its answers to all questions about it.
        """
        answers: dict[str, list[str]] = defaultdict(list)
        for s in released:
            answers[s.image_id].append(normalise(s.answer))
        pictures = {s.image_id: s.pixels for s in released}
        by_size: dict[tuple[int, ...], list[str]] = defaultdict(list)
        for image_id, pixels in pictures.items():
            by_size[pixels.shape].append(image_id)
        for image_ids in by_size.values():
            labels = [" ".join(sorted(answers[image_id])) for image_id in image_ids]
            if len(set(labels)) > 1:
                stack = np.stack([pictures[image_id] for image_id in image_ids])
                pictures |= zip(image_ids, self._project(stack, labels), strict=True)
        return SampleSet(tuple(replace(s, pixels=pictures[s.image_id]) for s in released))

    def _project(self, pictures: np.ndarray, labels: list[str]) -> np.ndarray:
        """Return pictures (N, H, W, 3) without the components along the weights of a probe for `labels`."""
        from sklearn.linear_model import LogisticRegression

        flat = pictures.reshape(len(pictures), -1) / 255.0
        mean = flat.mean(0)
        centred = flat - mean
        probe = LogisticRegression(C=self.options.l2, max_iter=self.options.iterations, tol=1e-3)
        weights = probe.fit(centred, labels).coef_
        basis = np.linalg.svd(weights, full_matrices=False)[2][: self.options.directions or None].T
        projected: np.ndarray = mean + centred - (centred @ basis) @ basis.T
        return (projected * 255).round().clip(0, 255).astype(np.uint8).reshape(pictures.shape)
