"""Refuse a loaded checkpoint that is not whole: every tensor is there, of its shape and finite, and so are settings."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import BaseImageProcessor, GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from bench.errors import UserError
from bench.victims import list_files

STEPS = ("do_rescale", "do_normalize", "do_resize")
"""Steps of an image processor that every family computes."""

LONGEST_SIDE = 16_384
"""Pixels beyond which no image processor resizes a side."""

RANDOM = re.compile(r"\|\s*random\b|\blipsum\b")
"""Parts of a chat template that draw at random: the prompt would be another one each time."""


def check_loading(name: str, report: Mapping[str, Any]) -> None:
    """Raise UserError for tensors that the files lack or have in another shape, from transformers' loading report.

    Weights that are tied to others are not missing. Tensors of the files that the model does not use are let pass.
    """
    for tensor in sorted(report["missing_keys"]):
        raise _error(name, f"{tensor!r} is in no file of weights", "every tensor of the model")
    for tensor, here, expected in sorted(report["mismatched_keys"]):
        raise _error(name, f"{tensor!r} has shape {list(here)}", f"{list(expected)}, as 'config.json' says")
    for message in report["error_msgs"]:
        raise _error(name, str(message).strip().split("\n")[0], "a checkpoint of its architecture")


@torch.no_grad()
def check_finite(name: str, model: PreTrainedModel) -> None:
    """Raise UserError for a weight that is not a finite number in the precision it was loaded in."""
    for tensor, values in [*model.named_parameters(), *model.named_buffers()]:
        if values.is_floating_point() and not values.isfinite().all():
            raise _error(name, f"{tensor!r} holds NaN or infinity in {str(values.dtype)[6:]}", "finite weights")


def check_finite_files(name: str, folder: Path) -> None:
    """Raise UserError for weights that are not finite in the files, before they are packed into four bits."""
    for file in (path for path in list_files(folder).values() if path.suffix == ".safetensors"):
        with safe_open(file, framework="pt") as weights:
            for tensor in weights.keys():  # noqa: SIM118 - not a dictionary
                values = weights.get_tensor(tensor)
                if values.is_floating_point() and not values.float().isfinite().all():
                    raise _error(name, f"{tensor!r} of {file.name!r} holds NaN or infinity", "finite weights")


def check_processor(name: str, processor: BaseImageProcessor) -> None:
    """Raise UserError for settings of preprocessing that give no finite pixels, or skip a step of every family."""
    for key in STEPS:
        if (value := getattr(processor, key, True)) is not True:
            raise _setting_error(name, key, value, "true")
    mean, std, factor = processor.image_mean, processor.image_std, processor.rescale_factor
    if not _are_numbers(mean):
        raise _setting_error(name, "image_mean", mean, "three finite numbers")
    if not _are_numbers(std) or min(std) <= 0:
        raise _setting_error(name, "image_std", std, "three finite numbers over 0")
    if not _are_numbers([factor] * 3) or factor <= 0:
        raise _setting_error(name, "rescale_factor", factor, "a finite number over 0")
    for key in ("size", "crop_size"):
        sides: Mapping[str, Any] = dict(getattr(processor, key, None) or {})
        for side, value in sides.items():
            limit = LONGEST_SIDE**2 if side.endswith("_edge") else LONGEST_SIDE
            if value is not None and not (type(value) is int and 0 < value <= limit):
                raise _setting_error(name, f"{key}.{side}", value, f"a whole number from 1 to {limit}")


def check_tokenizer(name: str, tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> None:
    """Raise UserError for a chat template that draws at random, and for tokens beyond the embedding table.

    vocabulary: rows of the embedding table.
    """
    templates = tokenizer.chat_template
    for template in templates.values() if isinstance(templates, dict) else [templates]:
        if match := RANDOM.search(str(template)):
            raise _error(name, f"the chat template says {match[0]!r}", "the same prompt each time")
    if tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
        raise _error(name, "the tokenizer has no eos_token or no pad_token", "a tokenizer with both")
    if len(tokenizer) > vocabulary:
        raise _error(name, f"the tokenizer has {len(tokenizer)} tokens", f"up to {vocabulary}, the embeddings' rows")


def keep_token_ids(name: str, config: GenerationConfig, vocabulary: int) -> GenerationConfig:
    """Return a generation config with nothing but the special tokens of a checkpoint's own.

    Whatever else the file asks for (sampling, beams, penalties, lengths) would make answers other than greedy. Raises
    UserError for an id that is no row of the embedding table.
    """
    kept = {key: getattr(config, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    for key, value in kept.items():
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            if type(one) is not int or not 0 <= one < vocabulary:
                raise _error(name, f"{key} {one!r} in 'generation_config.json'", f"token ids below {vocabulary}")
    return GenerationConfig(**kept)


def _are_numbers(values: Any) -> bool:
    """Return True for three finite numbers."""
    if not isinstance(values, list | tuple) or len(values) != 3:
        return False
    return all(type(value) in (int, float) and math.isfinite(value) for value in values)


def _setting_error(name: str, key: str, value: Any, allowed: str) -> UserError:
    return _error(name, f"{key} {value!r} in 'preprocessor_config.json'", allowed)


def _error(name: str, what: str, allowed: str) -> UserError:
    return UserError(f"victim: {name!r}: {what}; allowed: {allowed}")
