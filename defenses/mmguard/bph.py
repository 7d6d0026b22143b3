"""MMGuard-BPH: binding by attention to the perturbed patches and the trigger (Eq. 27)."""

import torch
from pydantic import Field

from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded
from defenses import register
from defenses.craft.draft import Step
from defenses.mmguard.binding import mass_loss, perturbed_tokens
from defenses.mmguard.joint import Binding, MMGuardOptions, mmguard_card


class BPHOptions(MMGuardOptions):
    """The options of all variants, and what BPH binds."""

    tau: float = Field(0.1, gt=0, le=1, description="share of image tokens that count as perturbed")
    beta_trigger_patch: float = Field(1.0, ge=0, le=100, description="weight beta 1 (paper: 1)")
    beta_answer_trigger: float = Field(1.0, ge=0, le=100, description="weight beta 2 (paper: 1)")
    beta_answer_patch: float = Field(1.0, ge=0, le=100, description="weight beta 3 (paper: 1)")


@register("mmguard")
class BPH(Binding[BPHOptions]):
    """MMGuard-BPH: noise and trigger that pull the answer's attention to themselves (Eq. 27)."""

    card = mmguard_card("BPH", "5.0")

    def layer_losses(
        self, lvlm: LVLM, step: Step, encoded: Encoded, rows: dict[int, list[torch.Tensor]]
    ) -> list[torch.Tensor]:
        """Return the missing attention mass of trigger to patches, answer to trigger, and answer to patches."""
        o = self.options
        patches = perturbed_tokens(encoded, step.intensity(lvlm), o.tau)
        has_trigger = encoded.trigger.any(1)
        return [
            o.beta_trigger_patch * torch.where(has_trigger, mass_loss(trigger, patches), 0.0)
            + o.beta_answer_trigger * mass_loss(answer, encoded.trigger)
            + o.beta_answer_patch * mass_loss(answer, patches)
            for answer, trigger in rows.values()
        ]


@register("mmguard_bph_max")
class BPHMax(BPH):
    """MMGuard-BPH-Max: the binding of BPH while the training loss is maximised (Eq. 32)."""

    card = mmguard_card("BPH-Max", "4.8")
    sign = -1
