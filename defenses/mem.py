"""Multi-step error minimisation, MEM (Liu et al., ACM MM 2024): noise that belongs to a trigger, not to an answer."""

from collections.abc import Sequence
from dataclasses import replace

from numpy.random import Generator
from pydantic import Field

from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded
from bench.samples import SampleSet
from defenses import register
from defenses.base import Card
from defenses.craft.draft import Batch, Draw, Triggers
from defenses.craft.surrogates import Surrogate
from defenses.craft.trigger import TriggerDefense, TriggerOptions


class MemOptions(TriggerOptions):
    """The loop and the search, with a surrogate that goes on training."""

    keep_adapters: bool = Field(True, description="keep adapters across rounds, as the original")


@register("mem")
class MultiStepErrorMinimising(TriggerDefense[MemOptions]):
    """Error-minimising noise and a leading trigger; answers are shuffled while the pixels are stepped."""

    card = Card(
        paper="Liu et al., Multimodal Unlearnable Examples (MEM), ACM MM 2024, arXiv 2407.16307",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each; questions, words inserted before the first",
        adaptation="CLIP's contrastive loss becomes the answer loss, captions become answers; trigger before the "
        "question; 3 x 8 steps of one level, 5 surrogate steps and a search in every round, 16 words verified for "
        "each slot (original: 20 x 8 steps of one level, 200 surrogate steps, search in 5 of 20 rounds, 16 words)",
        validation="effect tests alone: published for CLIP retrieval, on noise that was never rounded to a picture",
    )

    def draw_triggers(
        self, samples: SampleSet, surrogates: Sequence[Surrogate], words: int, rng: Generator
    ) -> Triggers:
        """Draw random words, all before the question."""
        triggers = super().draw_triggers(samples, surrogates, words, rng)
        return replace(triggers, slots=[[0] * words for _ in samples])

    def encode(self, batch: Batch, lvlm: LVLM, draw: Draw) -> Encoded:
        """Return each question with the answer of a random sample; each step shuffles anew."""
        samples = batch.draft.samples
        order = batch.draft.rng(draw).permutation(len(samples))
        return batch.encode(lvlm, [samples[int(i)].answer for i in order])
