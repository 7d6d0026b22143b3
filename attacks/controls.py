"""Controls: what fine-tuning gains without a look at the pictures. No attack on a protection, never a worst case."""

from collections import defaultdict
from dataclasses import replace

from numpy.random import Generator

from attacks import register
from attacks.parts import Knowledge
from attacks.tune.lora_sft import LoraSFT
from bench.samples import SampleSet


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
