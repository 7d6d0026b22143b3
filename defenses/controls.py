"""Controls: what a release looks like without a method. Their protection must stay near 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.random import Generator

from bench.samples import SampleSet
from bench.spec import Budget
from defenses import register
from defenses.base import Defense, Progress, Protected
from defenses.words import insert, plain_words

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM


@register("none")
class Nothing(Defense):
    """No protection: the clean data. With attack lora_sft, the clean fine-tune; with none, zero-shot."""

    depends: ClassVar[frozenset[str]] = frozenset()

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """See `Defense.protect`."""
        return Protected(samples)


@register("random_noise")
class RandomNoise(Defense):
    """Uniform integer noise on every pixel, drawn for each picture, at the full budget."""

    depends: ClassVar[frozenset[str]] = frozenset({"budget", "seed"})

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """See `Defense.protect`."""
        pictures: dict[str, np.ndarray] = {}
        for sample in samples:
            if sample.image_id not in pictures:
                noise = rng.integers(-budget.epsilon, budget.epsilon + 1, sample.pixels.shape)
                pictures[sample.image_id] = np.clip(sample.pixels + noise, 0, 255).astype(np.uint8)
        return Protected(SampleSet(tuple(replace(s, pixels=pictures[s.image_id]) for s in samples)))


@register("random_trigger")
class RandomTrigger(Defense):
    """Random plain words inserted at random places of every question; pictures stay clean."""

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """See `Defense.protect`."""
        words = plain_words([s.tokenizer for s in surrogates])
        released = []
        for sample in samples:
            chosen = [str(w) for w in rng.choice(words, budget.words)]
            slots = rng.integers(0, len(sample.question.split()) + 1, budget.words)
            released.append(replace(sample, question=insert(sample.question, chosen, sorted(slots.tolist())).text))
        return Protected(SampleSet(tuple(released)))
