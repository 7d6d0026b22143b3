"""Multi-step error minimisation, MEM (Liu et al., ACM MM 2024): noise that belongs to a trigger, not to an answer."""

from collections.abc import Sequence
from typing import ClassVar

from numpy.random import Generator
from pydantic import Field

from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded
from bench.spec import Budget, Options
from defenses import register
from defenses.base import Card
from defenses.craft.draft import Batch, Draft, Surrogate
from defenses.craft.trigger import TriggerDefense, TriggerOptions


class MemOptions(TriggerOptions):
    """The loop and the search, with a surrogate that goes on training."""

    inner_steps: int = Field(12, ge=0, le=1000, description="adapter steps a round (original: 200)")
    keep_adapters: bool = Field(True, description="keep adapters across rounds, as the original")


@register("mem")
class MultiStepErrorMinimising(TriggerDefense):
    """Error-minimising noise and a leading trigger; answers are shuffled while the pixels are stepped."""

    Options: ClassVar[type[Options]] = MemOptions
    card = Card(
        paper="Liu et al., Multimodal Unlearnable Examples (MEM), ACM MM 2024, arXiv 2407.16307",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each; questions, words before the first",
        adaptation="CLIP's contrastive loss to answer loss, captions to answers; trigger before the question; 2 x 6 "
        "steps of one level, 12 surrogate steps a round, search in the first of the rounds (original: 20 x 8 steps of "
        "one level, 200 surrogate steps, search in 5 of 20 rounds)",
        validation="effect tests alone: published for CLIP retrieval, on noise that was never rounded to a picture",
    )

    def start(self, draft: Draft, surrogates: Sequence[Surrogate], budget: Budget, rng: Generator) -> None:
        """All words before the question."""
        super().start(draft, surrogates, budget, rng)
        draft.slots = [[0] * len(slots) for slots in draft.slots]

    def read(self, batch: Batch, lvlm: LVLM) -> Encoded:
        """Answers of other samples, in another order each step."""
        order = batch.rng().permutation(len(batch.draft.samples))
        return batch.encode(lvlm, [batch.draft.samples[int(i)].answer for i in order])
