"""Controls: releases without a method, to check the measurement. None is ever ranked.

Their protection must be near 0, and that of `wrong_answers` near 1. `wrong_answers` alone may change answers; the audit
refuses any other method that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.random import Generator

from bench.lazy import Spool
from bench.progress import Progress
from bench.samples import SampleSet
from bench.spec import Budget
from bench.words import insert, plain_words
from defenses import register
from defenses.base import Card, Defense, Protected
from defenses.craft.clusters import ClusterOptions, cluster_by_answer, members
from defenses.craft.noise import add_noise
from defenses.craft.targets import choose_wrong_answers

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
        """Return the samples as they are."""
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
        """Draw noise for each picture."""
        noise = Spool[str]()
        for s in samples:
            if s.image_id not in noise:
                drawn = rng.integers(-budget.epsilon, budget.epsilon + 1, s.shape)
                noise[s.image_id] = drawn.astype(np.int16).transpose(2, 0, 1)
        return Protected(add_noise(samples, noise))


@register("random_trigger")
class RandomTrigger(Defense):
    """Random plain words inserted at random places of every question; pictures stay clean."""

    card = Card(
        paper="control: what any inserted words do",
        needs="the surrogates' tokenizers",
        touches="questions, words inserted",
        adaptation="none",
        validation="effect tests: admissible words, at any place, different for each sample",
    )

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Draw words and places for each question."""
        vocabulary = plain_words([s.tokenizer for s in surrogates])
        released = []
        for sample in samples:
            words = [str(word) for word in rng.choice(vocabulary, budget.words)]
            slots = rng.integers(0, len(sample.question.split()) + 1, budget.words)
            released.append(sample.change(question=insert(sample.question, words, sorted(slots.tolist())).text))
        return Protected(SampleSet(tuple(released)))


@register("random_noise_class")
class RandomNoiseClass(Defense[ClusterOptions]):
    """Uniform integer noise at the full budget, the same for all pictures with the same answer."""

    depends: ClassVar[frozenset[str]] = frozenset({"budget", "seed"})
    card = Card(
        paper="control: what any noise that gives away the answer does",
        needs="answers",
        touches="pictures, one noise for each cluster of answers",
        adaptation="class becomes answer cluster",
        validation="effect tests: one noise for each cluster, uniform over the levels",
    )

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Draw noise for each cluster, of the size of its first picture."""
        sizes = {s.image_id: s.shape[:2] for s in samples}
        clusters = cluster_by_answer(samples, self.options.clusters, int(rng.integers(2**31)))
        noise: dict[str, np.ndarray] = {}
        for image_ids in members(clusters).values():
            drawn = rng.integers(-budget.epsilon, budget.epsilon + 1, (3, *sizes[image_ids[0]]))
            noise |= dict.fromkeys(image_ids, drawn)
        return Protected(add_noise(samples, noise))


@register("wrong_answers")
class WrongAnswers(Defense):
    """Every answer is exchanged for another: an upper bound that nobody could publish, never ranked."""

    depends: ClassVar[frozenset[str]] = frozenset({"seed"})
    card = Card(
        paper="control: an upper bound; it violates fidelity, so it is no protection",
        needs="answers",
        touches="answers",
        adaptation="the answers to questions of one kind change places in a random cycle, as in TAP",
        validation="effect tests: no answer is right, and the audit counts them",
    )

    def protect(
        self, samples: SampleSet, surrogates: Sequence[LVLM], budget: Budget, rng: Generator, progress: Progress
    ) -> Protected:
        """Exchange the answers."""
        pairs = zip(samples, choose_wrong_answers(samples, rng), strict=True)
        return Protected(SampleSet(tuple(s.change(answer=wrong, answers=()) for s, wrong in pairs)))
