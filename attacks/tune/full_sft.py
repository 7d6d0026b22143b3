"""Full fine-tuning."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field

from attacks import register
from attacks.parts import AttackCard
from attacks.tune.sft import SFT, Session, SFTOptions
from bench.lvlm.adapters import copy_weights, full_parameters, save_weights, set_weights
from bench.lvlm.base import LVLM
from bench.victims.recipes import Recipe


class FullSFTOptions(SFTOptions):
    """The trainer's recipe, and what is trained."""

    tower: bool = Field(False, description="train the vision tower too")


@register("full_sft")
class FullSFT(SFT[FullSFTOptions]):
    """Train all weights of projector and language model. The vision tower is frozen unless `tower` is set."""

    card = AttackCard("K0", 1.0, "nothing: the largest recipe", "MMGuard, appendix F.2")

    def peak_rate(self, recipe: Recipe) -> float:
        """Return the option `lr`, or the rate of a recipe for all weights."""
        return self.options.lr or recipe.full_lr

    @contextmanager
    def session(self, victim: LVLM) -> Iterator[Session]:
        """Train the victim's own weights, and restore them afterwards."""

        def save(_: Any, folder: Path) -> None:
            save_weights(victim, folder, tower=self.options.tower)

        before = copy_weights(victim, tower=self.options.tower)
        for parameter in full_parameters(victim, tower=self.options.tower).values():
            parameter.requires_grad_(True)
        try:
            yield Session(victim.model, save=save)
        finally:
            set_weights(victim, before)
