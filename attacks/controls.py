"""Controls: no training, or training without what matters. They show that the numbers are right, and are not ranked."""

from collections import defaultdict
from dataclasses import replace
from typing import Any, ClassVar

from numpy.random import Generator
from pydantic import Field

from attacks import register
from attacks.base import Attack, Curve
from attacks.originals import draw_originals
from attacks.parts import AttackCard, Knowledge
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from bench.samples import SampleSet
from bench.victims.recipes import Recipe


@register("none")
class NoAttack(Attack):
    """No training: the zero-shot reference."""

    card = AttackCard("K0", 0.0, "nothing", "the reference U0")
    trains: ClassVar[bool] = False

    def tune(self, *_: Any) -> Curve:
        """Train nothing and return an empty learning curve."""
        return []


@register("format_only")
class FormatOnly(LoraSFT):
    """Control: lora_sft with answers shuffled among the pictures, which teaches their format but not their content."""

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Shuffle the answers among samples that have the same rule and number of choices.

        A sample may get its own answer, or another sample's equal answer. If this were excluded, answers would tell
        what a picture does *not* show. With only two answers that is the same as telling what it shows.
        """
        released = super().prepare(released, knowledge, rng)
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        for index, sample in enumerate(released):
            groups[sample.rule, len(sample.choices)].append(index)
        shuffled = list(released)
        for indices in groups.values():
            for index, source in zip(indices, rng.permutation(indices).tolist(), strict=True):
                shuffled[index] = replace(
                    released[index], answer=released[source].answer, answers=released[source].answers
                )
        return SampleSet(tuple(shuffled))


class CleanOnlyOptions(LoraSFTOptions):
    """The recipe. Without `epochs`, there are as many passes as give the steps of lora_sft on the whole release."""

    share: float = Field(0.2, gt=0, le=1, description="number of clean pictures, as a share of those in the release")


@register("clean_only")
class CleanOnly(LoraSFT[CleanOnlyOptions]):
    """Control: lora_sft on the clean pictures that mix_clean adds, without the release."""

    card = AttackCard("K4", 1.0, "nothing: what the trainer's clean pictures are worth alone", "a control")
    tuner_needs: ClassVar[frozenset[str]] = frozenset({"owner"})

    @property
    def clean_share(self) -> float:
        """The option `share`."""
        return self.options.share

    def passes(self, recipe: Recipe) -> int:
        """Return the option `epochs`, or the passes over a share that make as many steps as those over the release."""
        return self.options.epochs or round(recipe.epochs / self.options.share)

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> SampleSet:
        """Return clean samples, the same as `mix_clean` adds with this seed, instead of the release."""
        return super().prepare(draw_originals(knowledge, self.options.share, rng), knowledge, rng)
