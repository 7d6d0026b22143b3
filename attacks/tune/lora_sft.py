"""LoRA: the plain recipe, and variants that adapt other modules or adapt them in another way."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from pydantic import Field
from typing_extensions import TypeVar

from attacks import register
from attacks.parts import AttackCard
from attacks.tune.sft import SFT, Session, SFTOptions
from bench.lvlm.adapters import Targets, lora_config
from bench.lvlm.base import LVLM


class LoraOptions(SFTOptions):
    """The trainer's recipe."""

    rank: int = Field(16, ge=1, le=1024, description="LoRA rank; alpha is twice the rank")


class LoraSFTOptions(LoraOptions):
    """The trainer's recipe, and the modules that it adapts."""

    targets: Targets = Field("language+projector", description="language, language+projector, projector or all")


A = TypeVar("A", bound=LoraOptions, default=LoraOptions)
L = TypeVar("L", bound=LoraSFTOptions, default=LoraSFTOptions)


class Lora(SFT[A]):
    """Base of the tuners that train a LoRA adapter."""

    dora: ClassVar[bool] = False
    """True if the magnitude and the direction of updates are learned separately."""

    @property
    @abstractmethod
    def targets(self) -> Targets:
        """The modules that are adapted."""

    @contextmanager
    def session(self, victim: LVLM) -> Iterator[Session]:
        """Train a new adapter on the victim."""
        yield Session(victim.model, lora_config(victim, self.options.rank, self.targets, dora=self.dora))


@register("lora_sft")
class LoraSFT(Lora[L]):
    """Plain LoRA fine-tuning with TRL's SFTTrainer, by a trainer who suspects nothing."""

    card = AttackCard("K0", 1.0, "nothing: suspects no protection", "Hu et al., ICLR 2022; MMGuard, section 6.1")

    @property
    def targets(self) -> Targets:
        """The option `targets`."""
        return self.options.targets


@register("dora_sft")
class DoraSFT(LoraSFT):
    """LoRA with weight-decomposed updates, whose magnitude and direction are learned separately."""

    card = AttackCard("K0", 1.3, "nothing: another recipe", "DoRA: Liu et al., ICML 2024; MMGuard, appendix F.2")
    dora: ClassVar[bool] = True


@register("projector_only")
class ProjectorOnly(Lora):
    """LoRA on the projector alone: vision tower and language model stay as they are."""

    card = AttackCard("K0", 0.8, "nothing: the smallest recipe", "MMGuard, appendix F.2")
    targets: ClassVar[Targets] = "projector"


@register("vision_lora")
class VisionLora(Lora):
    """LoRA on vision tower, projector and language model, so that features under attack by a protection can change."""

    card = AttackCard(
        "K1", 2.0, "perturbations made for a frozen vision tower", "research notes on second movers; TRL recipes"
    )
    targets: ClassVar[Targets] = "all"
