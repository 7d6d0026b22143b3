"""LoRA on 4-bit weights."""

from pathlib import Path
from typing import Any

from attacks import register
from attacks.base import Progress
from attacks.parts import Card
from attacks.tune.lora_sft import LoraSFT
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.victims import split_precision


@register("qlora_sft")
class QloraSFT(LoraSFT):
    """LoRA trained on the victim's weights in 4 bits (NF4); its answers are given with the weights as they were."""

    card = Card(
        "K0", 1.5, "nothing: a recipe for small cards", "QLoRA: Dettmers et al., NeurIPS 2023; MMGuard, app. F.2"
    )

    def tune(
        self, victim: LVLM, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Progress
    ) -> list[dict[str, Any]]:
        """See `Attack.tune`. Raises UserError where bitsandbytes is not installed."""
        from bench.lvlm.catalog import load

        name, _ = split_precision(victim.name)
        return super().tune(load(f"{name}@4bit"), released, validation, seed, folder, progress)
