"""Fine-tune on the release first, and then on a few clean originals (DFR: Kirichenko et al., ICLR 2023)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from numpy.random import Generator
from peft import PeftModel
from pydantic import Field

from attacks import register
from attacks.base import Curve
from attacks.originals import draw_originals
from attacks.parts import AttackCard, Knowledge
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from attacks.tune.sft import Session
from bench.lvlm.base import LVLM
from bench.progress import Progress
from bench.samples import SampleSet
from bench.spec import identity


class TwoStageOptions(LoraSFTOptions):
    """The recipe of both stages, and the data and length of the second."""

    share: float = Field(0.05, gt=0, le=1, description="number of clean pictures, as a share of those in the release")
    clean_epochs: int = Field(8, ge=1, le=1000, description="passes over the clean pictures")


@dataclass(frozen=True)
class TwoStageSet(SampleSet):
    """The samples of the first stage; `clean` are those of the second."""

    clean: SampleSet

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits that change with any sample of either stage."""
        return identity([super().digest, self.clean.digest])


@register("two_stage")
class TwoStage(LoraSFT[TwoStageOptions]):
    """LoRA on the release, after which the same adapter is trained on some of the owner's clean originals."""

    card = AttackCard(
        "K4", 1.1, "shortcuts that do not hold on a few clean pictures", "DFR: Kirichenko et al., ICLR 2023"
    )
    tuner_needs: ClassVar[frozenset[str]] = frozenset({"owner"})

    @property
    def clean_share(self) -> float:
        """The larger share of the second stage and of a part."""
        return max(self.options.share, super().clean_share)

    def prepare(self, released: SampleSet, knowledge: Knowledge, rng: Generator) -> TwoStageSet:
        """Draw the clean pictures, and apply the parts to the release alone."""
        clean = draw_originals(knowledge, self.options.share, rng)
        return TwoStageSet(super().prepare(released, knowledge, rng).samples, clean)

    def tune(
        self, victim: LVLM, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Progress
    ) -> Curve:
        """Train on both stages, which `prepare` returned. The learning curve is that of both, one after the other."""
        assert isinstance(released, TwoStageSet)
        curve = super().tune(victim, released, validation, seed, folder, progress)
        options = self.options.model_copy(update={"epochs": self.options.clean_epochs, "curve": 0})
        second = ContinuedLora(options, folder)
        return curve + second.tune(victim, released.clean, validation, seed, folder, progress)


class ContinuedLora(LoraSFT):
    """LoRA that starts from the adapter saved in `folder`."""

    def __init__(self, options: LoraSFTOptions, folder: Path) -> None:
        super().__init__(options)
        self.folder = folder

    @contextmanager
    def session(self, victim: LVLM) -> Iterator[Session]:
        """Train the saved adapter."""
        yield Session(PeftModel.from_pretrained(victim.model, self.folder, is_trainable=True, use_safetensors=True))
