"""Where weights go: devices, and four bits."""

import os
from importlib.util import find_spec
from typing import Any

import torch

from bench.errors import UserError

PLACES = ("cpu", "cuda", "auto")


def placement() -> str:
    """`BENCH_DEVICE`: cpu, cuda, or auto (spread over every visible card); the first card by default, if there is one.

    Raises UserError for another value, and for a card where there is none.
    """
    asked = os.environ.get("BENCH_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if asked not in PLACES:
        raise UserError(f"BENCH_DEVICE: {asked!r}; allowed: {', '.join(PLACES)}")
    if asked == "cuda" and not torch.cuda.is_available():
        raise UserError("BENCH_DEVICE: 'cuda', but torch sees no card; allowed here: cpu")
    return asked


def quantisation(name: str, precision: str) -> dict[str, Any]:
    """Arguments of `from_pretrained` for NF4 weights, as QLoRA keeps them (Dettmers et al., 2023); none otherwise.

    Raises UserError where the extra is not installed.
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
