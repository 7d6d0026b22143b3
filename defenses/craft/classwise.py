"""One perturbation for each cluster of pictures, where the original methods have one for each class."""

from collections.abc import Sequence

import torch
from typing_extensions import TypeVar

from bench.samples import SampleSet
from defenses.craft.clusters import ClusterOptions, cluster_by_answer
from defenses.craft.pixel import PixelDefense, PixelOptions
from defenses.craft.surrogates import Surrogate


class ClassOptions(ClusterOptions, PixelOptions):
    """The options of the loop and of the clusters."""


C = TypeVar("C", bound=ClassOptions, default=ClassOptions)


class ClassWise(PixelDefense[C]):
    """The loop on class-wise noise: its gradient is the sum over the pictures of the cluster in the batch."""

    def assign_groups(self, samples: SampleSet, surrogates: Sequence[Surrogate], seed: int) -> dict[str, int]:
        """Return the cluster of each picture, by its answers."""
        return cluster_by_answer(samples, self.options.clusters, seed)

    def project(self, perturbation: torch.Tensor, picture: torch.Tensor, epsilon: int) -> torch.Tensor:
        """Project a perturbation onto the L-infinity ball alone: each of its pictures is cut to 0..255 itself."""
        return perturbation.clamp(-epsilon, epsilon)
