"""LoRA on a loaded LVLM: attached and detached in place, without reloading the base."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from peft import LoraConfig, PeftConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from bench.lvlm.base import LVLM

WEIGHTS = "weights.safetensors"
"""In the folder of what was learned without an adapter: the weights themselves, those that were trained."""

Targets = Literal["language", "language+projector", "projector", "all"]


def lora_config(lvlm: LVLM, rank: int, targets: Targets, dropout: float = 0.0, *, dora: bool = False) -> LoraConfig:
    """A LoRA on the linear layers of the parts named by `targets`, alpha = 2 rank."""
    parts = {"language": lvlm.language_modules, "projector": lvlm.projector_modules, "tower": lvlm.tower_modules}
    chosen = parts if targets == "all" else targets.split("+")
    pattern = "|".join(f"({parts[part]})" for part in chosen if parts[part])
    bare = list(lvlm.projector_parameters) if "projector" in chosen else []
    return LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=dropout,
        target_modules=pattern or [],
        target_parameters=bare or None,
        use_dora=dora,
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
    """Answer with the saved adapter or weights in `folder` during the block; None is the bare base model."""
    if folder is None:
        yield
        return
    if (folder / WEIGHTS).exists():
        before = weights(lvlm)
        try:
            put(lvlm, load_file(folder / WEIGHTS))
            yield
        finally:
            put(lvlm, before)
        return
    peft = get_peft_model(lvlm.model, PeftConfig.from_pretrained(folder))
    try:
        set_peft_model_state_dict(peft, load_file(folder / "adapter_model.safetensors"))
        peft.eval()
        yield
    finally:
        peft.unload()
        lvlm.model.requires_grad_(False)


def outside_tower(lvlm: LVLM) -> dict[str, torch.nn.Parameter]:
    """The parameters of projector and language model, by name; a tied one once."""
    return {name: p for name, p in lvlm.model.named_parameters() if not name.startswith(lvlm.tower_prefixes)}


def weights(lvlm: LVLM) -> dict[str, torch.Tensor]:
    """Copies of the weights of projector and language model."""
    return {name: parameter.detach().clone() for name, parameter in outside_tower(lvlm).items()}


def save_weights(lvlm: LVLM, folder: Path) -> None:
    """Write the weights of projector and language model, for `wearing`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.cpu().contiguous() for name, tensor in weights(lvlm).items()}, folder / WEIGHTS)


@torch.no_grad()
def put(lvlm: LVLM, state: Mapping[str, torch.Tensor]) -> None:
    """Overwrite weights in place."""
    parameters = outside_tower(lvlm)
    for name, tensor in state.items():
        parameters[name].copy_(tensor)
