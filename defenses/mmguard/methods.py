"""MMGuard (arXiv 2605.14291): four variants and, from the same code, its ablations without binding."""

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from pydantic import Field

from bench.lvlm.attention import Recorder
from bench.lvlm.text import Encoded
from bench.spec import Options
from defenses import register
from defenses.base import Card
from defenses.craft.draft import Batch, Surrogate
from defenses.craft.trigger import TriggerDefense, TriggerOptions
from defenses.mmguard.binding import answer_rows, divergence, mass_loss, mean_over_layers, perturbed_tokens

BUDGET = (
    "made for LVLMs; 2 x 6 steps of one level and 4 words verified a slot are inside the paper's grids, which name no "
    "defaults; see design/choices.md"
)


def mmguard_card(row: str, points: str) -> Card:
    """The card of a variant; `points`: what its row of the paper's Table 2 loses, on average over 30 cells."""
    return Card(
        paper=f"Zhao et al., MMGuard, arXiv 2605.14291, row {row}",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each; questions, words inserted",
        adaptation=BUDGET,
        validation=f"effect tests; published: {points} points lost on average over 30 black-box cells. No code to "
        "compare with",
    )


class TextTriggerOptions(TriggerOptions):
    """The search alone: no pixel steps."""

    image_steps: int = Field(0, ge=0, le=0, description="pictures stay clean")
    rounds: int = Field(1, ge=1, le=100, description="outer rounds R")


@register("text_trigger")
class TextTrigger(TriggerDefense):
    """Trigger words alone, found by HotFlip (MMGuard's text-only ablation)."""

    Options: ClassVar[type[Options]] = TextTriggerOptions
    card = Card(
        paper="Zhao et al., MMGuard, arXiv 2605.14291, row Text",
        needs="answers, and an LVLM as surrogate",
        touches="questions, words inserted",
        adaptation="made for LVLMs; one pass over the slots with 4 words each (paper: 8 to 512)",
        validation="effect tests; published: 2.5 points lost on average over 30 black-box cells",
    )


@register("multimodal")
class Multimodal(TriggerDefense):
    """Error-minimising noise and trigger together, without binding (MMGuard's multimodal ablation)."""

    card = Card(
        paper="Zhao et al., MMGuard, arXiv 2605.14291, row Multimodal",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each; questions, words inserted",
        adaptation=BUDGET,
        validation="effect tests; published: 2.8 points lost on average over 30 black-box cells",
    )


class MMGuardOptions(TriggerOptions):
    """The loop, the search and the binding loss."""

    lambda_train: float = Field(1.0, ge=0, le=100, description="weight of the training loss (paper: 1)")
    lambda_bind: float = Field(0.5, ge=0, le=100, description="weight of the binding loss (paper: 0.1 to 2)")
    layers: int = Field(2, ge=1, le=64, description="binding layers: the first |K| (paper: 1 to 7, first one or two)")
    tau: float = Field(0.1, gt=0, le=1, description="share of image tokens that count as perturbed")
    beta_trigger_patch: float = Field(1.0, ge=0, le=100, description="BPH weight beta 1 (paper: 1)")
    beta_answer_trigger: float = Field(1.0, ge=0, le=100, description="BPH weight beta 2 (paper: 1)")
    beta_answer_patch: float = Field(1.0, ge=0, le=100, description="BPH weight beta 3 (paper: 1)")


class Binding(TriggerDefense):
    """The joint loss (Eq. 30): training loss and a binding term, in one forward pass."""

    Options: ClassVar[type[Options]] = MMGuardOptions
    sign: ClassVar[int] = 1
    """+1 minimises the training loss, -1 maximises it (Eq. 32)."""

    def objective(
        self, surrogate: Surrogate, batch: Batch, encoded: Encoded, images: list[torch.Tensor], **inputs: Any
    ) -> torch.Tensor:
        """(B,) joint loss."""
        o, lvlm = self.options, surrogate.lvlm
        recorder = Recorder(lvlm.attention_layers[: o.layers], [answer_rows(encoded), encoded.trigger])
        loss = lvlm.forward(encoded, images, recorder=recorder, **inputs).loss
        bind = self.binding(surrogate, batch, encoded, images, recorder)
        return self.sign * o.lambda_train * loss + o.lambda_bind * bind

    @abstractmethod
    def binding(
        self, surrogate: Surrogate, batch: Batch, encoded: Encoded, images: list[torch.Tensor], recorder: Recorder
    ) -> torch.Tensor:
        """(B,) binding loss, lower = more bound."""


@register("mmguard")
class BPH(Binding):
    """MMGuard-BPH: noise and trigger that pull the answer's attention to themselves (Eq. 27)."""

    card = mmguard_card("BPH", "5.0")

    def binding(
        self, surrogate: Surrogate, batch: Batch, encoded: Encoded, images: list[torch.Tensor], recorder: Recorder
    ) -> torch.Tensor:
        """Eq. 27, the mean over layers."""
        o = self.options
        patches = perturbed_tokens(encoded, batch.intensity(surrogate.lvlm, images), o.tau)
        terms = []
        for answer, trigger in recorder.rows.values():
            has_trigger = encoded.trigger.any(1)
            terms.append(
                o.beta_trigger_patch * torch.where(has_trigger, mass_loss(trigger, patches), 0.0)
                + o.beta_answer_trigger * mass_loss(answer, encoded.trigger)
                + o.beta_answer_patch * mass_loss(answer, patches)
            )
        return mean_over_layers(terms)


@register("mmguard_crs")
class CRS(Binding):
    """MMGuard-CRS: noise and trigger that push the answer's attention away from where it was (Eq. 29)."""

    card = mmguard_card("CRS", "4.9")

    def binding(
        self, surrogate: Surrogate, batch: Batch, encoded: Encoded, images: list[torch.Tensor], recorder: Recorder
    ) -> torch.Tensor:
        """Eq. 29, the mean over layers."""
        clean = self.reference(surrogate, batch, encoded)
        pairs = [(clean[k][0], rows[0]) for k, rows in recorder.rows.items()]
        return -mean_over_layers([divergence(before, now) for before, now in pairs])

    @torch.no_grad()
    def reference(self, surrogate: Surrogate, batch: Batch, encoded: Encoded) -> dict[int, list[torch.Tensor]]:
        """Answer rows of the clean pair on the same adapted surrogate.

        The trigger's slots hold padding that nothing attends to, so both rows have the same keys (the paper's
        figure), and every other token keeps its position.
        """
        lvlm, clean = surrogate.lvlm, batch.clean()
        ids = encoded.ids.masked_fill(encoded.trigger, lvlm.tokenizer.pad_token_id)
        padded = encoded.with_tokens(ids=ids, mask=encoded.mask & ~encoded.trigger)
        recorder = Recorder(lvlm.attention_layers[: self.options.layers], [answer_rows(encoded)])
        positions = lvlm.position_inputs(encoded, lvlm.layouts(clean))
        prefix = batch.clean_prefix(surrogate, encoded)
        lvlm.forward(padded, clean, recorder=recorder, prefix=prefix, positions=positions)
        return recorder.rows


@register("mmguard_bph_max")
class BPHMax(BPH):
    """MMGuard-BPH-Max: the binding of BPH while the training loss is maximised (Eq. 32)."""

    card = mmguard_card("BPH-Max", "4.8")
    sign = -1


@register("mmguard_crs_max")
class CRSMax(CRS):
    """MMGuard-CRS-Max: the binding of CRS while the training loss is maximised (Eq. 32)."""

    card = mmguard_card("CRS-Max", "4.5")
    sign = -1
