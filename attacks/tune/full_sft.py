"""Full fine-tuning."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field
from transformers import PreTrainedModel

from attacks import register
from attacks.parts import Card
from attacks.tune.sft import SFT, SFTOptions
from bench.lvlm.adapters import copy_weights, non_tower_parameters, save_weights, set_weights
from bench.lvlm.base import LVLM
from bench.spec import Options


class FullSFTOptions(SFTOptions):
    """The trainer's recipe; of five rates its own is the best on tiny-internvl's clean validation pictures."""

    lr: float = Field(2e-3, gt=0, le=1, description="peak learning rate, cosine with 10 % warm-up")


@register("full_sft")
class FullSFT(SFT):
    """All weights of projector and language model are trained; the vision tower stays, as in common recipes."""

    card = Card("K0", 1.0, "nothing: the largest recipe", "MMGuard, appendix F.2")
    Options: ClassVar[type[Options]] = FullSFTOptions

    def start(self, victim: LVLM) -> tuple[PreTrainedModel, None]:
        """See `SFT.start`."""
        self.victim, self.before = victim, copy_weights(victim)
        for parameter in non_tower_parameters(victim).values():
            parameter.requires_grad_(True)
        return victim.model, None

    def save(self, model: Any, folder: Path) -> None:
        """See `SFT.save`."""
        save_weights(self.victim, folder)

    def restore(self, victim: LVLM) -> None:
        """See `SFT.restore`."""
        set_weights(victim, self.before)
        self.before.clear()
