"""The joint loss of MMGuard's variants (Eq. 30, 32), their options and the common text of their cards."""

from abc import abstractmethod
from typing import ClassVar, Unpack

import torch
from pydantic import Field
from typing_extensions import TypeVar

from bench.lvlm.attention import Recorder
from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded
from defenses.base import Card
from defenses.craft.draft import Step
from defenses.craft.pixel import ForwardInputs
from defenses.craft.surrogates import Surrogate
from defenses.craft.trigger import TriggerDefense, TriggerOptions
from defenses.mmguard.binding import answer_rows

RECIPE = (
    "made for LVLMs; the paper gives grids and no defaults. Inside its grids: 3 rounds (paper: 1, 3, 5 or 7), each of "
    "5 surrogate steps (0 to 5), 8 pixel steps (0 to 8) of one level, and 16 words verified for each slot (8 to 512). "
    "Outside: the surrogate learns at lora_sft's rate, 0.005 for a tiny one (0.0001 or less), because slower steps "
    "leave it as it is; see design/choices.md"
)


def mmguard_card(row: str, points: str) -> Card:
    """Return the card of a variant. `points`: the mean loss in its row of the paper's Table 2, over 30 cells."""
    return Card(
        paper=f"Zhao et al., MMGuard, arXiv 2605.14291, row {row}",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each; questions, words inserted",
        adaptation=RECIPE,
        validation=f"effect tests; published: {points} points lost on average over 30 black-box cells. No code to "
        "compare with",
    )


class MMGuardOptions(TriggerOptions):
    """The loop, the search and the binding loss."""

    lambda_train: float = Field(1.0, ge=0, le=100, description="weight of the training loss (paper: 1)")
    lambda_bind: float = Field(0.5, ge=0, le=100, description="weight of the binding loss (paper: 0.1 to 2)")
    layers: int = Field(2, ge=1, le=64, description="binding layers: the first |K| (paper: 1 to 7, first one or two)")


M = TypeVar("M", bound=MMGuardOptions, default=MMGuardOptions)


class Binding(TriggerDefense[M]):
    """The joint loss (Eq. 30): the training loss and a binding loss, from one forward pass."""

    sign: ClassVar[int] = 1
    """+1 minimises the training loss, -1 maximises it (Eq. 32)."""

    def objective(
        self, surrogate: Surrogate, step: Step, encoded: Encoded, **inputs: Unpack[ForwardInputs]
    ) -> torch.Tensor:
        """Return the joint loss of each sample (B,)."""
        o, lvlm = self.options, surrogate.lvlm
        recorder = Recorder(lvlm.attention_layers[: o.layers], [answer_rows(encoded), encoded.trigger])
        loss = lvlm.forward(encoded, step.images, recorder=recorder, **inputs).loss
        binding = torch.stack(self.layer_losses(lvlm, step, encoded, recorder.rows)).mean(0)
        return self.sign * o.lambda_train * loss + o.lambda_bind * binding

    @abstractmethod
    def layer_losses(
        self, lvlm: LVLM, step: Step, encoded: Encoded, rows: dict[int, list[torch.Tensor]]
    ) -> list[torch.Tensor]:
        """Return the binding loss of each sample (B,), one tensor for each layer; lower means more tightly bound.

        rows: by layer, the mean attention rows (B, keys) of the answer and of the trigger.
        """
