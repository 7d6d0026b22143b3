"""From a name or a local path to a loaded LVLM."""

import json
from pathlib import Path

from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from bench.errors import UserError, unknown
from bench.lvlm.base import LVLM
from bench.lvlm.families.llava import Llava
from bench.lvlm.families.qwen3_vl import Qwen3VL
from bench.victims import EMBEDDED, folder, revision

FAMILIES: dict[str, type[LVLM]] = {"llava": Llava, "qwen3_vl": Qwen3VL}
"""Architecture (`model_type` in a checkpoint's config) to the class that speaks to it."""


def load(name: str, device: str = "cpu", dtype: str = "float32") -> LVLM:
    """Load an embedded victim by name, or any checkpoint of a known family by local path or hub name.

    Weights are read from safetensors only. Raises UserError for an unknown name or architecture.
    """
    embedded = name in EMBEDDED
    source = str(folder(name)) if embedded else name
    if not embedded and not Path(source).exists() and "/" not in name:
        raise unknown("victim", name, EMBEDDED, ", a path or org/name")
    config = AutoConfig.from_pretrained(source)
    if config.model_type not in FAMILIES:
        raise UserError(f"victim: architecture {config.model_type!r} of {name!r}; allowed: {', '.join(FAMILIES)}")
    model = AutoModelForImageTextToText.from_pretrained(source, dtype=dtype, use_safetensors=True).to(device)
    tokenizer = AutoTokenizer.from_pretrained(source)
    processor = AutoImageProcessor.from_pretrained(source)
    return FAMILIES[config.model_type](name, revision(name), model, tokenizer, processor)


def card(name: str) -> dict[str, object]:
    """The measured facts of an embedded victim's model card."""
    return json.loads((folder(name) / "card.json").read_text())
