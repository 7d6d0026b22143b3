"""LoRA on a loaded LVLM: attached and detached in place, without reloading the base."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from peft import LoraConfig, PeftConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file

from bench.lvlm.base import LVLM

Targets = Literal["language", "language+projector", "projector", "all"]


def lora_config(lvlm: LVLM, rank: int, targets: Targets, dropout: float = 0.0) -> LoraConfig:
    """A LoRA on the linear layers of the parts named by `targets`, alpha = 2 rank."""
    parts = {"language": lvlm.language_modules, "projector": lvlm.projector_modules, "tower": lvlm.tower_modules}
    chosen = parts if targets == "all" else targets.split("+")
    pattern = "|".join(f"({parts[part]})" for part in chosen if parts[part])
    bare = list(lvlm.projector_parameters) if "projector" in chosen else []
    return LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=dropout, target_modules=pattern or [], target_parameters=bare or None
    )


@contextmanager
def attached(lvlm: LVLM, config: LoraConfig) -> Iterator[list[torch.nn.Parameter]]:
    """Attach a fresh adapter during the block and give its trainable parameters. Initialised from torch's generator."""
    peft = get_peft_model(lvlm.model, config)
    try:
        yield [p for p in peft.parameters() if p.requires_grad]
    finally:
        peft.unload()
        lvlm.model.requires_grad_(False)


@contextmanager
def wearing(lvlm: LVLM, folder: Path | None) -> Iterator[None]:
    """Answer with the saved adapter in `folder` during the block; None is the bare base model."""
    if folder is None:
        yield
        return
    peft = get_peft_model(lvlm.model, PeftConfig.from_pretrained(folder))
    try:
        set_peft_model_state_dict(peft, load_file(folder / "adapter_model.safetensors"))
        peft.eval()
        yield
    finally:
        peft.unload()
        lvlm.model.requires_grad_(False)
