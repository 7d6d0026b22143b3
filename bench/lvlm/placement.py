"""Choose the device of the weights, and load them in four bits."""

import os
from importlib.util import find_spec
from typing import Any

import torch

from bench.errors import UserError

DEVICES = ("cpu", "cuda", "auto")


def choose_device() -> str:
    """Return the device named by `BENCH_DEVICE`: cpu, cuda, or auto (spread over every visible GPU).

    Without the variable it is the first GPU, or the CPU where there is none. Raises UserError for another value, and
    for cuda on a machine without a GPU.
    """
    device = os.environ.get("BENCH_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if device not in DEVICES:
        raise UserError(f"BENCH_DEVICE: {device!r}; allowed: {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("BENCH_DEVICE: 'cuda', but torch sees no GPU; allowed here: cpu")
    return device


def quantisation_arguments(name: str, precision: str) -> dict[str, Any]:
    """Return the arguments of `from_pretrained` for NF4 weights as in QLoRA (Dettmers et al., 2023).

    Empty for every precision but `4bit`. Raises UserError where bitsandbytes is not installed.
    """
    if precision != "4bit":
        return {}
    if find_spec("bitsandbytes") is None:
        raise UserError(f"victim: {name!r} needs bitsandbytes; pip install 'mmguard-bench[qlora]'")
    from transformers import BitsAndBytesConfig

    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    }
