"""LoRA on 4-bit weights."""

from pathlib import Path

from attacks import register
from attacks.base import Curve
from attacks.parts import AttackCard
from attacks.tune.lora_sft import LoraSFT
from bench.lvlm.base import LVLM
from bench.progress import Progress
from bench.samples import SampleSet
from bench.victims import split_precision


@register("qlora_sft")
class QloraSFT(LoraSFT):
    """LoRA trained on the victim's weights in 4 bits (NF4). Its answers are generated with the original weights."""

    card = AttackCard(
        "K0", 1.5, "nothing: a recipe for small GPUs", "QLoRA: Dettmers et al., NeurIPS 2023; MMGuard, app. F.2"
    )

    def tune(
        self, victim: LVLM, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Progress
    ) -> Curve:
        """Train a 4-bit copy of the victim. Raises UserError where bitsandbytes is not installed."""
        from bench.lvlm.catalog import load

        name, _ = split_precision(victim.name)
        return super().tune(load(f"{name}@4bit"), released, validation, seed, folder, progress)
