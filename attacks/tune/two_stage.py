"""First the release, then a few clean originals."""

from pathlib import Path
from typing import Any, ClassVar

from numpy.random import Generator
from peft import PeftModel
from pydantic import Field

from attacks import register
from attacks.base import Progress
from attacks.parts import Card, Knowledge
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from attacks.tune.with_clean import WithClean
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Options


class TwoStageOptions(LoraSFTOptions):
    """The recipe of both stages, and the second one's data and length."""

    share: float = Field(0.05, gt=0, le=1, description="clean pictures over those of the release")
    clean_epochs: int = Field(8, ge=1, le=1000, description="passes over the clean pictures")


@register("two_stage")
class TwoStage(WithClean):
    """LoRA on the release, then on with the same adapter on some of the owner's clean originals."""

    card = Card("K4", 1.1, "shortcuts that a few clean pictures show to be none", "DFR: Kirichenko et al., ICLR 2023")
    Options: ClassVar[type[Options]] = TwoStageOptions

    def prepare(self, released: SampleSet, own: Knowledge, rng: Generator) -> SampleSet:
        """See `Attack.prepare`; which clean pictures the trainer holds is drawn here."""
        self.second = self.clean(own, rng)
        return super().prepare(released, own, rng)

    def tune(
        self, victim: LVLM, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Progress
    ) -> list[dict[str, Any]]:
        """See `Attack.tune`."""
        curve = super().tune(victim, released, validation, seed, folder, progress)
        further = OnWith(self.options.model_copy(update={"epochs": self.options.clean_epochs, "curve": 0}))
        further.folder = folder
        return curve + further.tune(victim, self.second, validation, seed, folder, progress)


class OnWith(LoraSFT):
    """LoRA that begins with the adapter in `folder`."""

    folder: Path

    def start(self, victim: LVLM) -> tuple[PeftModel, None]:  # type: ignore[override]
        """See `SFT.start`."""
        return PeftModel.from_pretrained(victim.model, self.folder, is_trainable=True, use_safetensors=True), None
