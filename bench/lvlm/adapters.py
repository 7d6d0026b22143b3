"""Attach LoRA adapters to a loaded LVLM in place, and detach them again without reloading the base model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from peft import LoraConfig, PeftConfig, get_peft_model, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file

from bench.lvlm.base import LVLM

WEIGHTS_FILE = "weights.safetensors"
"""File of the trained weights themselves, in the folder of a victim that was trained without an adapter."""

Targets = Literal["language", "language+projector", "projector", "all"]


def lora_config(lvlm: LVLM, rank: int, targets: Targets, dropout: float = 0.0, *, dora: bool = False) -> LoraConfig:
    """Return a LoRA configuration for the linear layers of the parts named by `targets`, with alpha = 2 rank."""
    patterns = {"language": lvlm.language_modules, "projector": lvlm.projector_modules, "tower": lvlm.tower_modules}
    parts = patterns if targets == "all" else targets.split("+")
    pattern = "|".join(f"({patterns[part]})" for part in parts if patterns[part])
    matrices = list(lvlm.projector_parameters) if "projector" in parts else []
    return LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=dropout,
        target_modules=pattern or [],
        target_parameters=matrices or None,
        use_dora=dora,
    )


@contextmanager
def attach_adapter(lvlm: LVLM, config: LoraConfig) -> Iterator[list[torch.nn.Parameter]]:
    """Attach a fresh adapter during the block and yield its trainable parameters.

    The adapter is initialised from torch's global generator.
    """
    peft = get_peft_model(lvlm.model, config)
    try:
        yield [p for p in peft.parameters() if p.requires_grad]
    finally:
        peft.unload()
        lvlm.model.requires_grad_(False)


@torch.no_grad()
def merge_adapter(lvlm: LVLM) -> dict[str, torch.Tensor]:
    """Add the attached adapter to the weights, so that passes cost what they cost without one.

    Return the adapted weights as they were, for `separate_adapter`. In half precision and in four bits the adapter
    stays beside the weights, and nothing is returned: a young adapter is as small as the rounding of the sum.
    """
    adapted = {name: p for name, p in lvlm.model.named_parameters() if ".base_layer." in name}
    if any(parameter.dtype != torch.float32 for parameter in adapted.values()):
        return {}
    before = {name: parameter.detach().clone() for name, parameter in adapted.items()}
    for layer in _adapter_layers(lvlm):
        layer.merge()
    return before


def separate_adapter(lvlm: LVLM, weights: Mapping[str, torch.Tensor]) -> None:
    """Undo `merge_adapter`, which returned `weights`: they are the same again, bit for bit."""
    if weights:
        for layer in _adapter_layers(lvlm):
            layer.unmerge()
        set_weights(lvlm, weights)


def _adapter_layers(lvlm: LVLM) -> list[BaseTunerLayer]:
    return [module for module in lvlm.model.modules() if isinstance(module, BaseTunerLayer)]


@contextmanager
def use_adapter(lvlm: LVLM, folder: Path | None) -> Iterator[None]:
    """Give `lvlm` the adapter or the weights saved in `folder` during the block; with None it stays the base model."""
    if folder is None:
        yield
        return
    if (folder / WEIGHTS_FILE).exists():
        trained = load_file(folder / WEIGHTS_FILE)
        before = copy_weights(lvlm, tower=any(name.startswith(lvlm.tower_prefixes) for name in trained))
        try:
            set_weights(lvlm, trained)
            yield
        finally:
            set_weights(lvlm, before)
        return
    peft = get_peft_model(lvlm.model, PeftConfig.from_pretrained(folder))
    try:
        set_peft_model_state_dict(peft, load_file(folder / "adapter_model.safetensors"))
        peft.eval()
        yield
    finally:
        peft.unload()
        lvlm.model.requires_grad_(False)


def non_tower_parameters(lvlm: LVLM) -> dict[str, torch.nn.Parameter]:
    """Return the parameters of projector and language model by name; a tied parameter appears once."""
    return {name: p for name, p in lvlm.model.named_parameters() if not name.startswith(lvlm.tower_prefixes)}


def full_parameters(lvlm: LVLM, *, tower: bool) -> dict[str, torch.nn.Parameter]:
    """Return the parameters of projector and language model by name, and those of the vision tower where asked for."""
    return dict(lvlm.model.named_parameters()) if tower else non_tower_parameters(lvlm)


def copy_weights(lvlm: LVLM, *, tower: bool = False) -> dict[str, torch.Tensor]:
    """Return copies of the weights of `full_parameters`."""
    return {name: parameter.detach().clone() for name, parameter in full_parameters(lvlm, tower=tower).items()}


def save_weights(lvlm: LVLM, folder: Path, *, tower: bool = False) -> None:
    """Write the weights of `full_parameters` into `folder`, where `use_adapter` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = copy_weights(lvlm, tower=tower)
    save_file({name: tensor.cpu().contiguous() for name, tensor in weights.items()}, folder / WEIGHTS_FILE)


@torch.no_grad()
def set_weights(lvlm: LVLM, state: Mapping[str, torch.Tensor]) -> None:
    """Overwrite the weights named in `state` in place."""
    parameters = full_parameters(lvlm, tower=True)
    for name, tensor in state.items():
        parameters[name].copy_(tensor)
