"""Load the adapter of a stranger: a LoRA of peft, or weights as `full_sft` writes them. From safetensors alone.

Of its config only numbers are used. The modules are those that its tensors name: a pattern of a stranger could take
for ever to match, and other settings can name code.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from peft.utils import get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file

from bench.errors import UserError, show
from bench.lvlm.adapters import WEIGHTS_FILE, full_parameters, use_adapter
from bench.lvlm.base import LVLM
from bench.victims import read_json

CONFIG_FILE, ADAPTER_FILE = "adapter_config.json", "adapter_model.safetensors"
PREFIX, DOWN = "base_model.model.", ".lora_A.weight"
"""The beginning of the name of each tensor of peft, and the end of that of each first matrix."""

UNUSED = frozenset({"auto_mapping", "base_model_name_or_path", "bias", "fan_in_fan_out", "inference_mode",
                    "init_lora_weights", "lora_dropout", "megatron_core", "peft_type", "peft_version", "revision",
                    "runtime_config", "target_modules", "task_type"})  # fmt: skip
"""Settings that change no answer of a finished adapter, or that its tensors say better."""

PLAIN = LoraConfig().to_dict()
"""The settings of a plain LoRA."""

USED = frozenset({"lora_alpha", "r", "target_parameters", "use_dora", "use_rslora"})


@contextmanager
def use_foreign_adapter(lvlm: LVLM, folder: Path) -> Iterator[None]:
    """Give `lvlm` the adapter of a folder during the block. Raises UserError for one that does not fit the model."""
    if (folder / WEIGHTS_FILE).is_file():
        _check_weights(lvlm, _read(folder / WEIGHTS_FILE), folder)
        with use_adapter(lvlm, folder):
            yield
        return
    if not ((folder / CONFIG_FILE).is_file() and (folder / ADAPTER_FILE).is_file()):
        raise _error(folder, "it lacks them", f"a folder with {CONFIG_FILE} and {ADAPTER_FILE}, or {WEIGHTS_FILE}")
    tensors = _read(folder / ADAPTER_FILE)
    peft = get_peft_model(lvlm.model, _read_config(lvlm, folder, tensors))
    try:
        expected = {name: tensor.shape for name, tensor in get_peft_model_state_dict(peft).items()}
        _check_shapes(folder, expected, tensors)
        missing = next((name for name in sorted(expected) if name not in tensors), None)
        if missing is not None:
            raise _error(folder, f"{missing!r} is missing", "every tensor of its adapter")
        set_peft_model_state_dict(peft, tensors)
        peft.eval()
        yield
    finally:
        peft.unload()
        lvlm.model.requires_grad_(False)


def _read(file: Path) -> dict[str, torch.Tensor]:
    try:
        tensors: dict[str, torch.Tensor] = load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise _error(file.parent, f"{file.name!r} is not whole ({show(error)})", "safetensors as written") from None
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise _error(file.parent, f"{file.name!r} has a number that is not finite", "finite weights")
    return tensors


def _read_config(lvlm: LVLM, folder: Path, tensors: dict[str, torch.Tensor]) -> LoraConfig:
    """Return the configuration of a finished LoRA, whose modules are those that the tensors name."""
    content = read_json(folder, CONFIG_FILE)
    if content.get("peft_type") != "LORA" or content.get("bias", "none") != "none":
        raise _error(folder, f"peft_type {content.get('peft_type')!r}, bias {content.get('bias')!r}", "LORA, none")
    for key in sorted(content.keys() - USED - UNUSED):
        if content[key] and content[key] != PLAIN.get(key):
            raise _error(folder, f"{show(key)}: {show(content[key])} in {CONFIG_FILE!r}", "a plain LoRA without it")
    rank, alpha = content.get("r"), content.get("lora_alpha")
    if not (type(rank) is int and 1 <= rank <= 4096 and type(alpha) in (int, float)):
        raise _error(folder, f"r {show(rank)}, lora_alpha {show(alpha)}", "numbers")
    parameters = content.get("target_parameters") or []
    if not (isinstance(parameters, list) and all(isinstance(name, str) for name in parameters)):
        raise _error(folder, f"target_parameters {show(parameters)}", "a list of names")
    linear = {name for name, module in lvlm.model.named_modules() if isinstance(module, torch.nn.Linear)}
    named = {name.removeprefix(PREFIX).removesuffix(DOWN) for name in tensors if name.endswith(DOWN)}
    strange = next((name for name in sorted(named - linear) if not parameters), None)
    if strange is not None or not tensors:
        raise _error(folder, f"{show(strange)} is no linear layer of {lvlm.name!r}", "an adapter of this very model")
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=sorted(named & linear),
        target_parameters=parameters or None,
        use_dora=bool(content.get("use_dora")),
        use_rslora=bool(content.get("use_rslora")),
    )


def _check_weights(lvlm: LVLM, tensors: dict[str, torch.Tensor], folder: Path) -> None:
    _check_shapes(folder, {name: p.shape for name, p in full_parameters(lvlm, tower=True).items()}, tensors)


def _check_shapes(folder: Path, expected: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    """Raise UserError for a tensor that the model does not have, or has in another shape."""
    for name, tensor in sorted(tensors.items()):
        if expected.get(name) != tensor.shape:
            raise _error(
                folder,
                f"{show(name)} of shape {list(tensor.shape)}",
                f"{list(expected[name])}" if name in expected else "tensors of this very model",
            )


def _error(folder: Path, what: str, allowed: str) -> UserError:
    return UserError(f"adapter: {show(folder)}: {what}; allowed: {allowed}")
