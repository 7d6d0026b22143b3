"""LoRA: the plain recipe, and its variants in what is adapted and how."""

from typing import ClassVar

from peft import LoraConfig
from pydantic import Field
from transformers import PreTrainedModel

from attacks import register
from attacks.parts import Card
from attacks.tune.sft import SFT, SFTOptions
from bench.lvlm.adapters import Targets, lora_config
from bench.lvlm.base import LVLM
from bench.spec import Options


class LoraOptions(SFTOptions):
    """The trainer's recipe."""

    rank: int = Field(16, ge=1, le=1024, description="LoRA rank; alpha is twice the rank")


class LoraSFTOptions(LoraOptions):
    """The trainer's recipe, and what it adapts."""

    targets: Targets = Field("language+projector", description="language, language+projector, projector or all")


@register("lora_sft")
class LoraSFT(SFT):
    """Plain LoRA fine-tuning with TRL's SFTTrainer: the trainer who suspects nothing."""

    card = Card("K0", 1.0, "nothing: it suspects no protection", "Hu et al., ICLR 2022; MMGuard, section 6.1")
    Options: ClassVar[type[Options]] = LoraSFTOptions
    dora: ClassVar[bool] = False
    """Whether magnitude and direction of the updates are learned apart."""

    @property
    def targets(self) -> Targets:
        """What is adapted."""
        chosen: Targets = self.options.targets
        return chosen

    def start(self, victim: LVLM) -> tuple[PreTrainedModel, LoraConfig]:
        """See `SFT.start`."""
        return victim.model, lora_config(victim, self.options.rank, self.targets, dora=self.dora)


@register("dora_sft")
class DoraSFT(LoraSFT):
    """LoRA with weight-decomposed updates: magnitude and direction are learned apart."""

    card = Card("K0", 1.3, "nothing: another recipe", "DoRA: Liu et al., ICML 2024; MMGuard, appendix F.2")
    dora: ClassVar[bool] = True


@register("projector_only")
class ProjectorOnly(LoraSFT):
    """LoRA on the projector alone: what is seen is read anew, and nothing else is learned."""

    card = Card("K0", 0.8, "nothing: the smallest recipe", "MMGuard, appendix F.2")
    Options: ClassVar[type[Options]] = LoraOptions
    targets: ClassVar[Targets] = "projector"  # type: ignore[assignment]


@register("vision_lora")
class VisionLora(LoraSFT):
    """LoRA on vision tower, projector and language model: features that a protection aims at can move."""

    card = Card(
        "K1", 2.0, "perturbations made for a frozen vision tower", "research notes on second movers; TRL recipes"
    )
    Options: ClassVar[type[Options]] = LoraOptions
    targets: ClassVar[Targets] = "all"  # type: ignore[assignment]
