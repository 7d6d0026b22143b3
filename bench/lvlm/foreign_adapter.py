"""Check the adapter of a stranger: a LoRA of peft, or weights as `full_sft` writes them. From safetensors alone.

Of its config only numbers are used. The modules are those that its tensors name: a pattern of a stranger could take
for ever to match, and other settings can name code. Errors begin with `where`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import torch
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from peft.utils import get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load, load_file

from bench.errors import UserError, show
from bench.lvlm.adapters import WEIGHTS_FILE, full_parameters, use_adapter
from bench.lvlm.base import LVLM
from bench.victims import read_json

CONFIG_FILE, ADAPTER_FILE = "adapter_config.json", "adapter_model.safetensors"
PREFIX, DOWN = "base_model.model.", ".lora_A.weight"
"""The beginning of the name of each tensor of peft, and the end of that of each first matrix."""

MAX_RANK = 4096

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
    where = f"adapter: {show(folder)}"
    if (folder / WEIGHTS_FILE).is_file():
        check_weights(lvlm, read_tensors(folder / WEIGHTS_FILE, f"{where}: {WEIGHTS_FILE}"), where)
        with use_adapter(lvlm, folder):
            yield
        return
    if not ((folder / CONFIG_FILE).is_file() and (folder / ADAPTER_FILE).is_file()):
        _refuse(where, "it lacks them", f"a folder with {CONFIG_FILE} and {ADAPTER_FILE}, or {WEIGHTS_FILE}")
    tensors = read_tensors(folder / ADAPTER_FILE, f"{where}: {ADAPTER_FILE}")
    with attach_checked(lvlm, tensors, _read_config(folder, where), where) as peft:
        set_peft_model_state_dict(peft, tensors)
        peft.eval()
        yield


@contextmanager
def attach_checked(
    lvlm: LVLM, tensors: Mapping[str, torch.Tensor], config: LoraConfig, where: str
) -> Iterator[PeftModel]:
    """Attach an empty LoRA that these tensors fill during the block, on the modules that they name.

    config: rank, scale and named parameters; its modules are set here, sorted. Raises UserError for tensors that the
    model has no place for, and for one that is missing; before anything of their size is made.
    """
    linear = {name: module for name, module in lvlm.model.named_modules() if isinstance(module, torch.nn.Linear)}
    down = {name.removeprefix(PREFIX).removesuffix(DOWN): t for name, t in tensors.items() if name.endswith(DOWN)}
    if not down:
        _refuse(where, "no adapter of LoRA", f"tensors *{DOWN} of {lvlm.name!r}")
    if not 1 <= config.r <= MAX_RANK:
        _refuse(where, f"rank {config.r}", f"1 to {MAX_RANK}")
    for name, tensor in sorted(down.items()):
        if name in linear:
            _check_shape(f"{PREFIX}{name}{DOWN}", tensor, torch.Size([config.r, linear[name].in_features]), where)
        elif not config.target_parameters:
            _refuse(where, f"{show(name)} is no linear layer of {lvlm.name!r}", "an adapter of this very model")
    modules = sorted(down.keys() & linear.keys())
    config.target_modules = set(modules)
    try:
        peft = get_peft_model(lvlm.model, config)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _refuse(where, f"peft refuses it: {show(error)}", "LoRA on modules of this very model")
    config.target_modules = modules  # a set would be written in another order each time
    try:
        expected = {name: tensor.shape for name, tensor in get_peft_model_state_dict(peft).items()}
        for name in sorted(tensors.keys() | expected.keys()):
            _check_shape(name, tensors.get(name), expected.get(name), where)
        yield peft
    finally:
        peft.unload()
        lvlm.model.requires_grad_(False)


def check_weights(lvlm: LVLM, tensors: Mapping[str, torch.Tensor], where: str) -> None:
    """Raise UserError for a tensor that is no parameter of the model, or has another shape."""
    parameters = {name: parameter.shape for name, parameter in full_parameters(lvlm, tower=True).items()}
    for name, tensor in sorted(tensors.items()):
        _check_shape(name, tensor, parameters.get(name), where)


def read_tensors(source: Path | bytes, where: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a file or its bytes. Raises UserError for broken ones, and for what is no finite number."""
    try:
        tensors: dict[str, torch.Tensor] = load_file(source) if isinstance(source, Path) else load(source)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        return _refuse(where, f"not whole ({show(error)})", "a file of safetensors, as written")
    for name, tensor in sorted(tensors.items()):
        plain = tensor.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
        if not plain or not tensor.isfinite().all():
            _refuse(
                where, f"{show(name)} of {str(tensor.dtype)[6:]} is not finite", "finite numbers of 16 bits or more"
            )
    return tensors


def _read_config(folder: Path, where: str) -> LoraConfig:
    """Return the numbers of the configuration of a finished LoRA."""
    content = read_json(folder, CONFIG_FILE)
    if content.get("peft_type") != "LORA" or content.get("bias", "none") != "none":
        _refuse(where, f"peft_type {content.get('peft_type')!r}, bias {content.get('bias')!r}", "LORA, none")
    for key in sorted(content.keys() - USED - UNUSED):
        if content[key] and content[key] != PLAIN.get(key):
            _refuse(where, f"{show(key)}: {show(content[key])} in {CONFIG_FILE!r}", "a plain LoRA without it")
    rank, alpha = content.get("r"), content.get("lora_alpha")
    if not (type(rank) is int and type(alpha) in (int, float)):
        _refuse(where, f"r {show(rank)}, lora_alpha {show(alpha)}", "numbers")
    parameters = content.get("target_parameters") or []
    if not (isinstance(parameters, list) and all(isinstance(name, str) for name in parameters)):
        _refuse(where, f"target_parameters {show(parameters)}", "a list of names")
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_parameters=parameters or None,
        use_dora=bool(content.get("use_dora")),
        use_rslora=bool(content.get("use_rslora")),
    )


def _check_shape(name: str, tensor: torch.Tensor | None, expected: torch.Size | None, where: str) -> None:
    if tensor is None or tensor.shape != expected:
        given = "is missing" if tensor is None else f"of shape {list(tensor.shape)}"
        _refuse(where, f"{show(name)} {given}", str(list(expected)) if expected else "tensors of this very model")


def _refuse(where: str, what: str, allowed: str) -> NoReturn:
    raise UserError(f"{where}: {what}; allowed: {allowed}")
