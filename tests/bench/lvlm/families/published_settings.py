"""Random-weight checkpoints with the settings of published ones: their image sizes, patches, tokens and sampling.

`published/NAME.json` holds numbers and names of tokens, with their source. Widths and depths stay tiny, and so does
the tokenizer: published ids are written as the names of their tokens.
"""

import json
from pathlib import Path
from typing import Any

import torch

from bench.lvlm.base import LVLM
from tests.bench.lvlm.families.tiny import VARIANTS
from tests.bench.lvlm.families.tiny.parts import random

SETTINGS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text()) for file in sorted((Path(__file__).parent / "published").glob("*.json"))
}

LONG = 8192
"""Positions of the text: published pictures have many tokens."""


def write_checkpoint(name: str, folder: Path) -> Path:
    """Write a tiny checkpoint of a family as its publisher lays it out, and return its folder."""
    settings, tiny = SETTINGS[name], VARIANTS[name]()
    model = _rebuild(tiny, settings["config"])
    model.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    image = settings["image_processor"]
    content = {"image_processor": image} if settings["file"] == "processor_config.json" else image
    (folder / settings["file"]).write_text(json.dumps(content))
    ids = {key: tiny.tokenizer.convert_tokens_to_ids(value) for key, value in settings["tokens"].items()}
    (folder / "generation_config.json").write_text(json.dumps(settings["generation"] | ids))
    return folder


def _rebuild(tiny: LVLM, overrides: dict[str, Any]) -> Any:
    """Return a model of the same widths whose tower takes published pictures."""
    config = tiny.model.config
    config.get_text_config().max_position_embeddings = LONG
    for key, value in overrides.items():
        for inner, number in value.items() if isinstance(value, dict) else ():
            setattr(getattr(config, key), inner, number)
        if not isinstance(value, dict):
            setattr(config, key, value)
    model = random(type(tiny.model), config, scale=2.0)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "mm_input_projection" in key:  # a fresh Gemma 3 projects every picture to zero
                parameter.normal_(std=0.1)
            if "gate" in key and parameter.ndim == 1:  # a fresh Llama 3.2 lets no picture through
                parameter.fill_(0.6)
    return model
