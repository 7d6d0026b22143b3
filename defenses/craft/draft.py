"""The release in the making: its pictures with their perturbations, its trigger words, and batches of its samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from numpy.random import Generator

from bench.lazy import Spool
from bench.lvlm.base import LVLM, Prefix
from bench.lvlm.memory import MemoryLimit
from bench.lvlm.text import Encoded, Prompt
from bench.samples import SampleSet
from bench.words import insert
from defenses.craft.clusters import members
from defenses.craft.levels import CleanPictures, Perturbations
from defenses.craft.noise import resize_nearest

T = TypeVar("T")

Draw = tuple[int, ...]
"""The name of a step's random choices. With the seed of the draft it decides them all."""


@dataclass(frozen=True)
class Targets:
    """The answers, or the features, that the pixel steps aim at.

    answers: for each sample, the answer whose loss the steps lower; the release keeps the true one.
    features: by the name of a surrogate, the vision features that each sample is moved to, (N, D). Empty for a method
    that aims at answers alone. rivals: by the number of a cluster, the other clusters, nearest first; for `bait`.
    """

    answers: list[str]
    features: dict[str, torch.Tensor] = field(default_factory=dict)
    rivals: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Triggers:
    """The words inserted into the questions: `words[i][j]` stands before word number `slots[i][j]` of question i.

    vocabulary: the admissible words. token_ids: by the name of a surrogate, the token of each of them.
    """

    words: list[list[str]]
    slots: list[list[int]]
    vocabulary: list[str] = field(default_factory=list)
    token_ids: dict[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """A release in the making. It is whole from the start; steps change `perturbations` and `triggers.words`.

    clean: by image_id, the owner's picture, (3, H, W) float levels in 0..255. groups: by image_id, the number of the
    perturbation that the picture carries. perturbations: by that number, (3, H, W) integer levels. epsilon: the budget
    in levels. memory_limit: the number of samples that fit into memory together, learned during the work.
    """

    samples: SampleSet
    clean: CleanPictures
    groups: dict[str, int]
    perturbations: Perturbations
    targets: Targets
    triggers: Triggers
    epsilon: int
    seed: int
    memory_limit: MemoryLimit = field(default_factory=MemoryLimit)

    @cached_property
    def members(self) -> dict[int, list[str]]:
        """The pictures that carry each perturbation, in order."""
        return members(self.groups)

    @cached_property
    def picture_numbers(self) -> dict[str, int]:
        """The number of each picture, in order of first appearance."""
        return {image_id: number for number, image_id in enumerate(self.clean)}

    def rng(self, draw: Draw, image_id: str = "") -> Generator:
        """Return the random generator of a step, or of one picture in it.

        It does not depend on the parts in which a batch is worked on.
        """
        picture = (self.picture_numbers[image_id],) if image_id else ()
        return np.random.default_rng([self.seed, *draw, *picture])

    def image(self, image_id: str) -> torch.Tensor:
        """Return a picture as it would be released now, (3, H, W) levels."""
        return perturb(self.clean[image_id], self.perturbations[self.groups[image_id]])

    def prompt(self, index: int, answer: str) -> Prompt:
        """Return sample `index` as a surrogate reads it: its question with the trigger, and an answer."""
        question, spans = insert(self.samples[index].question, self.triggers.words[index], self.triggers.slots[index])
        return Prompt(question, answer, spans)

    def release(self) -> SampleSet:
        """Return the samples to publish."""
        images = Spool[str]()
        for key in self.clean:
            images[key] = self.image(key).permute(1, 2, 0).round().byte().cpu().numpy()
        pictured = self.samples.with_pictures(images)
        return SampleSet(tuple(s.change(question=self.prompt(i, "").question) for i, s in enumerate(pictured)))


@dataclass(frozen=True)
class Batch:
    """Samples that are worked on together in one round, counted from 0.

    For pixel steps their pictures have one size, and all samples of a picture are in one batch.

    clean_prefixes: computed when they are first needed; they belong to the round, because adapters change after it.
    texts: the tokens that `encode` returned last for each surrogate, with their prompts.
    """

    draft: Draft
    indices: list[int]
    round: int = 0
    clean_prefixes: dict[str, Prefix] = field(default_factory=dict)
    texts: dict[str, tuple[list[Prompt], Encoded]] = field(default_factory=dict)

    def part(self, image_ids: Sequence[str]) -> "Batch":
        """Return the samples of some of the pictures as a batch. If it is smaller, this one frees its memory."""
        if len(image_ids) == len(self.image_ids):
            return self
        self.clean_prefixes.clear()
        chosen = set(image_ids)
        return Batch(self.draft, [i for i in self.indices if self.draft.samples[i].image_id in chosen], self.round)

    @property
    def owners(self) -> list[str]:
        """The image_id of each sample."""
        return [self.draft.samples[i].image_id for i in self.indices]

    @property
    def image_ids(self) -> list[str]:
        """The image_id of each picture, in order of first appearance."""
        return list(dict.fromkeys(self.owners))

    @property
    def groups(self) -> list[int]:
        """The numbers of the perturbations that the pictures carry, in order of first appearance."""
        return list(dict.fromkeys(self.draft.groups[key] for key in self.image_ids))

    @property
    def perturbations(self) -> dict[int, torch.Tensor]:
        """The perturbations that the pictures carry, by their numbers, in the same order."""
        return {number: self.draft.perturbations[number] for number in self.groups}

    def per_sample(self, values: Sequence[T]) -> list[T]:
        """Return one value for each sample from one for each picture."""
        by_id = dict(zip(self.image_ids, values, strict=True))
        return [by_id[image_id] for image_id in self.owners]

    def clean(self) -> list[torch.Tensor]:
        """Return the owner's picture of each sample."""
        return [self.draft.clean[image_id] for image_id in self.owners]

    def images(self) -> list[torch.Tensor]:
        """Return the picture of each sample as it would be released now."""
        return self.per_sample([self.draft.image(image_id) for image_id in self.image_ids])

    def clean_prefix(self, lvlm: LVLM, encoded: Encoded) -> Prefix:
        """Return the prefix of the owner's pictures, computed once a round."""
        if lvlm.name not in self.clean_prefixes:
            self.clean_prefixes[lvlm.name] = lvlm.compute_prefix(encoded, self.clean())
        return self.clean_prefixes[lvlm.name]

    def encode(self, lvlm: LVLM, answers: Sequence[str] | None = None) -> Encoded:
        """Return the tokens of the current texts, with `answers` of the whole sample set or each sample's own."""
        answers = [s.answer for s in self.draft.samples] if answers is None else answers
        prompts = [self.draft.prompt(i, answers[i]) for i in self.indices]
        if lvlm.name not in self.texts or self.texts[lvlm.name][0] != prompts:
            layouts = [lvlm.layout(self.draft.clean.size(image_id)) for image_id in self.owners]
            self.texts[lvlm.name] = prompts, lvlm.encode(prompts, layouts)
        return self.texts[lvlm.name][1]


@dataclass(frozen=True)
class Step:
    """The pictures that the surrogates see of a batch in one step.

    images: one for each sample. transform: makes such a list from untransformed pictures, with the step's own random
    choices. intensities: computed when they are first needed.
    """

    batch: Batch
    images: list[torch.Tensor]
    transform: Callable[[Sequence[torch.Tensor]], list[torch.Tensor]] = list
    intensities: dict[str, list[torch.Tensor]] = field(default_factory=dict)

    def intensity(self, lvlm: LVLM) -> list[torch.Tensor]:
        """Return the mean |perturbation| under each image token, (tokens,) for each sample, computed once a step."""
        if lvlm.name not in self.intensities:
            self.intensities[lvlm.name] = lvlm.intensity(self.images, self.transform(self.batch.clean()))
        return self.intensities[lvlm.name]


def perturb(picture: torch.Tensor, perturbation: torch.Tensor) -> torch.Tensor:
    """Return a picture (3, H, W) with a perturbation on it, in 0..255; one of another size is resized to it."""
    return (picture + resize_nearest(perturbation, picture.shape[-2:])).clamp(0, 255)
