"""Controls: what a release looks like without a method. Their protection must stay near 0, `wrong_answers`' near 1.

None is ever ranked. `wrong_answers` alone changes answers; the audit lets no other method do so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.random import Generator

from bench.samples import SampleSet
from bench.spec import Budget, Options
from bench.words import insert, plain_words
from defenses import register
from defenses.base import Card, Defense, Progress, Protected
from defenses.craft.clusters import ClusterOptions, by_answer, members, stretched
from defenses.craft.targets import deranged

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM


@register("none")
class Nothing(Defense):
    """No protection: the clean data. With attack lora_sft, the clean fine-tune; with none, zero-shot."""

    depends: ClassVar[frozenset[str]] = frozenset()
    card = Card("control", "nothing", "nothing", "none", "protection is 0 by definition")

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """See `Defense.protect`."""
        return Protected(samples)


@register("random_noise")
class RandomNoise(Defense):
    """Uniform integer noise on every pixel, drawn for each picture, at the full budget."""

    depends: ClassVar[frozenset[str]] = frozenset({"budget", "seed"})
    card = Card(
        paper="control: what the budget alone does",
        needs="nothing",
        touches="pictures, one noise each",
        adaptation="none",
        validation="effect tests: uniform over the levels, independent between pictures",
    )

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

    card = Card(
        paper="control: what any inserted words do",
        needs="the surrogates' tokenizers",
        touches="questions, words inserted",
        adaptation="none",
        validation="effect tests: admissible words, anywhere, for each sample its own",
    )

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


@register("random_noise_class")
class RandomNoiseClass(Defense):
    """Uniform integer noise at the full budget, the same for all pictures with the same answer."""

    Options: ClassVar[type[Options]] = ClusterOptions
    depends: ClassVar[frozenset[str]] = frozenset({"budget", "seed"})
    card = Card(
        paper="control: what any noise that tells the answer does",
        needs="answers",
        touches="pictures, one noise a cluster of answers",
        adaptation="class to answer cluster",
        validation="effect tests: one noise a cluster, uniform over the levels",
    )

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """See `Defense.protect`."""
        clean = {s.image_id: s.pixels for s in samples}
        pictures: dict[str, np.ndarray] = {}
        for keys in members(by_answer(samples, self.options.clusters, int(rng.integers(2**31)))).values():
            size = clean[keys[0]].shape[:2]
            noise = rng.integers(-budget.epsilon, budget.epsilon + 1, (3, *size))
            for key in keys:
                moved = clean[key] + stretched(noise, clean[key].shape[:2]).transpose(1, 2, 0)
                pictures[key] = np.clip(moved, 0, 255).astype(np.uint8)
        return Protected(SampleSet(tuple(replace(s, pixels=pictures[s.image_id]) for s in samples)))


@register("wrong_answers")
class WrongAnswers(Defense):
    """Every answer is exchanged for another: an upper bound that nobody could publish, never ranked."""

    depends: ClassVar[frozenset[str]] = frozenset({"seed"})
    card = Card(
        paper="control: an upper bound; it violates fidelity, so it is no protection",
        needs="answers",
        touches="answers",
        adaptation="the answers of questions of a kind change places in one random cycle, as TAP's targets",
        validation="effect tests: no answer is right, and the audit counts them",
    )

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """See `Defense.protect`."""
        told = zip(samples, deranged(samples, rng), strict=True)
        return Protected(SampleSet(tuple(replace(s, answer=wrong, answers=()) for s, wrong in told)))
