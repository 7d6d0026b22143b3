"""One perturbation for each cluster of pictures, where the originals have one a class."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from numpy.random import Generator

from bench.samples import SampleSet
from bench.spec import Budget, Options
from defenses.craft.clusters import ClusterOptions, by_answer, members, stretched
from defenses.craft.draft import Batch, Draft, Surrogate
from defenses.craft.pixel import PixelDefense, PixelOptions


class ClassOptions(ClusterOptions, PixelOptions):
    """The loop's options and the clusters'."""


class ClassWise(PixelDefense):
    """The loop on one noise a cluster: its gradient is the sum over the cluster's pictures in the batch.

    A noise has the size of its cluster's first picture and is stretched to the others'.
    """

    Options: ClassVar[type[Options]] = ClassOptions

    def grouped(self, samples: SampleSet, surrogates: Sequence[Surrogate], seed: int) -> dict[str, int]:
        """The cluster of each picture."""
        return by_answer(samples, self.options.clusters, seed)

    def start(self, draft: Draft, surrogates: Sequence[Surrogate], budget: Budget, rng: Generator) -> None:
        """Random noise of one level for each cluster."""
        self.clusters = self.grouped(draft.samples, surrogates, draft.seed)
        self.members = members(self.clusters)
        self.noise: dict[int, torch.Tensor] = {}
        reach = min(1, budget.epsilon) if self.options.image_steps else 0
        for number, pictures in self.members.items():
            first = draft.clean[pictures[0]]
            drawn = rng.integers(-reach, reach + 1, tuple(first.shape))
            self.put(draft, number, torch.from_numpy(drawn).to(first))

    def put(self, draft: Draft, number: int, noise: torch.Tensor) -> None:
        """Give a cluster's pictures its noise."""
        self.noise[number] = noise
        draft.pixels |= {key: self.added(draft.clean[key], noise) for key in self.members[number]}

    def added(self, picture: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """A picture with a noise on it, in levels."""
        return (picture + stretched(noise, picture.shape[-2:])).clamp(0, 255)

    def numbers(self, batch: Batch) -> list[int]:
        """The clusters of a batch's pictures, each once."""
        return list(dict.fromkeys(self.clusters[key] for key in batch.image_ids))

    def under(self, batch: Batch) -> list[torch.Tensor]:
        """What the noise of each picture of the batch is put on: here the picture itself."""
        return [batch.draft.clean[key] for key in batch.image_ids]

    def leaves(self, batch: Batch) -> list[torch.Tensor]:
        """The noises of the batch's clusters."""
        return [self.noise[number] for number in self.numbers(batch)]

    def shown(self, batch: Batch, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
        """Each sample's picture with its cluster's noise."""
        noise = dict(zip(self.numbers(batch), leaves, strict=True))
        pairs = zip(batch.image_ids, self.under(batch), strict=True)
        return batch.spread([self.added(picture, noise[self.clusters[key]]) for key, picture in pairs])

    def bounded(self, batch: Batch, leaves: list[torch.Tensor], epsilon: int) -> list[torch.Tensor]:
        """Noise within the budget."""
        return [noise.clamp(-epsilon, epsilon) for noise in leaves]

    def keep(self, batch: Batch, leaves: list[torch.Tensor]) -> None:
        """The noise of each cluster, on all its pictures: those of other batches too."""
        for number, noise in zip(self.numbers(batch), leaves, strict=True):
            self.put(batch.draft, number, noise)
