"""A release while it is made: its pictures and triggers, its batches, and the surrogates that read them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from bench.lvlm.base import LVLM, Prefix
from bench.lvlm.text import Encoded, Prompt
from bench.samples import SampleSet
from bench.words import Inserted, insert


@dataclass
class Surrogate:
    """An LVLM with an adapter on it, and the adapter's optimiser and starting weights."""

    lvlm: LVLM
    parameters: list[torch.nn.Parameter]
    start: list[torch.Tensor]
    optimiser: torch.optim.Optimizer

    def reset(self) -> None:
        """Discard what the adapter has learned."""
        with torch.no_grad():
            for parameter, value in zip(self.parameters, self.start, strict=True):
                parameter.copy_(value)
        self.optimiser.state.clear()


class Draft:
    """The release while it is made: one perturbation a picture, one trigger a sample."""

    def __init__(self, samples: SampleSet, device: torch.device, seed: int = 0) -> None:
        self.samples, self.seed = samples, seed
        self.clean = {
            s.image_id: torch.from_numpy(s.pixels.copy()).permute(2, 0, 1).float().to(device) for s in samples
        }
        self.pixels = {key: value.clone() for key, value in self.clean.items()}
        self.numbers = {key: n for n, key in enumerate(self.clean)}
        self.words: list[list[str]] = [[] for _ in samples]
        self.slots: list[list[int]] = [[] for _ in samples]

    def question(self, i: int, words: Sequence[str] | None = None) -> Inserted:
        """Sample `i`'s question with its trigger, or with other words in the same slots."""
        return insert(self.samples[i].question, self.words[i] if words is None else words, self.slots[i])

    def prompt(self, i: int, words: Sequence[str] | None = None, answer: str | None = None) -> Prompt:
        """What the surrogates read of sample `i`: its own answer, or another."""
        text, spans = self.question(i, words)
        return Prompt(text, self.samples[i].answer if answer is None else answer, spans)

    def release(self) -> SampleSet:
        """The samples to publish."""
        arrays = {k: v.permute(1, 2, 0).round().byte().cpu().numpy() for k, v in self.pixels.items()}
        done = (s.with_release(arrays[s.image_id], self.question(i).text) for i, s in enumerate(self.samples))
        return SampleSet(tuple(done))


@dataclass
class Batch:
    """Samples whose pictures, of one size, are optimised together; every sample of a picture is in one batch.

    A batch lives for one round, counted from 0: what it keeps is of the round's adapters. `draw` names the random
    choices of the present step, and `view` is what a trainer is imagined to make of each sample's picture in it.
    """

    draft: Draft
    indices: list[int]
    round: int = 0
    draw: tuple[int, ...] = ()
    view: Callable[[list[torch.Tensor]], list[torch.Tensor]] = list
    clean_prefixes: dict[str, Prefix] = field(default_factory=dict)
    intensities: dict[str, tuple[list[torch.Tensor], list[torch.Tensor]]] = field(default_factory=dict)

    def rng(self, image_id: str = "") -> Generator:
        """Random choices of this step, or those for one picture in it: the same in whatever parts a batch is done."""
        own = (self.draft.numbers[image_id],) if image_id else ()
        return np.random.default_rng([self.draft.seed, *self.draw, *own])

    @property
    def image_ids(self) -> list[str]:
        """Distinct pictures, in order of first appearance."""
        return list(dict.fromkeys(self.draft.samples[i].image_id for i in self.indices))

    def spread(self, images: Sequence[Any]) -> list[Any]:
        """One entry a sample from one entry a picture."""
        by_id = dict(zip(self.image_ids, images, strict=True))
        return [by_id[self.draft.samples[i].image_id] for i in self.indices]

    def clean(self) -> list[torch.Tensor]:
        """The untouched picture of each sample."""
        return [self.draft.clean[self.draft.samples[i].image_id] for i in self.indices]

    def images(self) -> list[torch.Tensor]:
        """The current picture of each sample."""
        return [self.draft.pixels[self.draft.samples[i].image_id] for i in self.indices]

    def clean_prefix(self, surrogate: "Surrogate", encoded: Encoded) -> Prefix:
        """The prefix of the untouched pictures, made once."""
        name = surrogate.lvlm.name
        if name not in self.clean_prefixes:
            self.clean_prefixes[name] = surrogate.lvlm.compute_prefix(encoded, self.clean())
        return self.clean_prefixes[name]

    def intensity(self, lvlm: LVLM, images: list[torch.Tensor]) -> list[torch.Tensor]:
        """`LVLM.intensity` of `images`, kept while they are the same tensors: a search changes the texts alone."""
        pictures, values = self.intensities.get(lvlm.name, ([], []))
        if len(pictures) != len(images) or any(a is not b for a, b in zip(pictures, images, strict=True)):
            values = lvlm.intensity(images, self.view(self.clean()))
            self.intensities[lvlm.name] = (images, values)
        return values

    def encode(self, lvlm: LVLM, answers: Sequence[str] | None = None) -> Encoded:
        """Tokens of the current texts; `answers`: one a sample of the whole set, to read instead of its own."""
        told = [self.draft.prompt(i, answer=answers[i] if answers else None) for i in self.indices]
        return lvlm.encode(told, lvlm.layouts(self.clean()))
