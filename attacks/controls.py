"""Controls: what fine-tuning gains without the pictures, or without the release. Never a worst case."""

from collections import defaultdict
from dataclasses import replace
from typing import ClassVar

from numpy.random import Generator
from pydantic import Field

from attacks import register
from attacks.parts import Knowledge
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from attacks.tune.with_clean import WithClean
from bench.samples import SampleSet
from bench.spec import Options


@register("format_only")
class FormatOnly(LoraSFT):
    """Control: lora_sft on answers dealt out to other pictures; their format can be learned, what they say cannot."""

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """The release with its answers dealt out at random among samples of one rule and number of options.

        A sample may get its own answer back, or the same words from another: were that forbidden, the answers would
        tell what a picture does *not* show, and with two answers to choose from that is everything.
        """
        released = super().prepare(released, own, rng)
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        for place, sample in enumerate(released):
            groups[sample.rule, len(sample.choices)].append(place)
        dealt = list(released)
        for places in groups.values():
            for place, giver in zip(places, rng.permutation(places).tolist(), strict=True):
                given = released[giver]
                dealt[place] = replace(released[place], answer=given.answer, answers=given.answers)
        return SampleSet(tuple(dealt))


class CleanOnlyOptions(LoraSFTOptions):
    """The recipe; with a fifth of the pictures, as many steps as lora_sft has on all of them."""

    share: float = Field(0.2, gt=0, le=1, description="clean pictures over those of the release")
    epochs: int = Field(40, ge=1, le=1000, description="passes over the clean pictures")


@register("clean_only")
class CleanOnly(WithClean):
    """Control: lora_sft on the clean pictures that mix_clean has, without the release: what they are worth alone."""

    Options: ClassVar[type[Options]] = CleanOnlyOptions

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """The clean originals, instead of the release."""
        return super().prepare(self.clean(own, rng), own, rng)
