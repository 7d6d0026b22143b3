"""From a name or a local path to a loaded LVLM."""

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

from bench import victims
from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.lvlm.placement import choose_device, quantisation_arguments
from bench.runtime import prepare

ARCHITECTURES = {
    "llava": "llava.Llava",
    "qwen3_vl": "qwen3_vl.Qwen3VL",
    "qwen2_5_vl": "qwen2_5_vl.Qwen25VL",
    "mllama": "mllama.Mllama",
    "internvl": "internvl.InternVL",
    "gemma3": "gemma3.Gemma3",
    "glm4v": "glm4v.Glm4V",
    "minicpmv4_6": "minicpmv.MiniCPMV",
    "smolvlm": "smolvlm.SmolVLM",
    "idefics3": "smolvlm.SmolVLM",
}
"""Architecture (`model_type` in a checkpoint's config) to the class in `bench.lvlm.families` that speaks to it."""


def family_class(architecture: str) -> type[LVLM]:
    """The class of a `model_type`; imports its module alone."""
    module, name = ARCHITECTURES[architecture].split(".")
    found: type[LVLM] = getattr(import_module(f"bench.lvlm.families.{module}"), name)
    return found


def load(name: str) -> LVLM:
    """Load a victim by name, or any checkpoint of a known architecture by folder or hub name.

    `name@bf16`, `@fp16`, `@fp32` and `@4bit` choose the precision. Weights are read from safetensors only, and no
    code of a checkpoint is run. Raises UserError for an unknown name or architecture, and for files that are missing.
    """
    victims.check(name)
    place = victims.locate(name) or _download(name)
    kind = json.loads((place / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind not in ARCHITECTURES:
        raise UserError(f"victim: architecture {kind!r} of {name!r}; allowed: {', '.join(ARCHITECTURES)}")
    if not any(place.glob("*.safetensors")):
        raise UserError(f"victim: no weights in {name!r}; allowed: a checkpoint with *.safetensors")
    precision = victims.precision(name)
    device = choose_device()
    model = AutoModelForImageTextToText.from_pretrained(
        place,
        dtype=victims.PRECISIONS[precision],
        use_safetensors=True,
        local_files_only=True,
        **quantisation_arguments(name, precision),
        **({"device_map": device} if device != "cpu" else {}),
    )
    processor = AutoImageProcessor.from_pretrained(place, local_files_only=True)
    return family_class(kind)(name, victims.revision(name), model, _tokenizer(name, place), processor)


@cache
def load_once(name: str) -> LVLM:
    """Return the same loaded LVLM for every call with this name in a process; set up torch first. See `load`."""
    prepare()
    return load(name)


def _tokenizer(name: str, place: Path) -> PreTrainedTokenizerBase:
    """With its chat template, which older checkpoints keep in a file of its own."""
    tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
    if tokenizer.chat_template is None:
        file = place / "chat_template.json"
        if not file.exists():
            raise UserError(f"victim: {name!r} has no chat template; allowed: a checkpoint with chat_template.jinja")
        tokenizer.chat_template = json.loads(file.read_text(encoding="utf-8"))["chat_template"]
    return tokenizer


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    base, _ = victims.split(name)
    hub = victims.HUB.get(base)
    victims.require([name])
    try:
        patterns = [f"*{suffix}" for suffix in sorted(victims.WEIGHED)]
        return Path(
            snapshot_download(
                hub.source if hub else base, revision=hub.commit if hub else None, allow_patterns=patterns
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise victims.missing(name, f"the hub did not give it ({type(error).__name__})") from error
    finally:
        victims.revision.cache_clear()


def card(name: str) -> dict[str, Any]:
    """The measured facts of an embedded victim's model card."""
    found: dict[str, Any] = json.loads((victims.folder(name) / "card.json").read_text(encoding="utf-8"))
    return found
