"""Load an LVLM by its name or by the folder of its checkpoint."""

import json
from functools import cache
from importlib import import_module
from pathlib import Path

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
"""Architecture (`model_type` in a checkpoint's config) to its class in `bench.lvlm.families`."""


def family_class(architecture: str) -> type[LVLM]:
    """Return the class for a `model_type`; import no other family."""
    module, name = ARCHITECTURES[architecture].split(".")
    family: type[LVLM] = getattr(import_module(f"bench.lvlm.families.{module}"), name)
    return family


def load(name: str) -> LVLM:
    """Load a victim by name, or any checkpoint of a known architecture by folder or hub name.

    `name@bf16`, `@fp16`, `@fp32` and `@4bit` choose the precision. Weights are read from safetensors only, and no
    code of a checkpoint is run. Raises UserError for an unknown name or architecture, and for missing files.
    """
    victims.check(name)
    folder = victims.locate(name) or _download(name)
    architecture = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if architecture not in ARCHITECTURES:
        raise UserError(f"victim: architecture {architecture!r} of {name!r}; allowed: {', '.join(ARCHITECTURES)}")
    if not any(folder.glob("*.safetensors")):
        raise UserError(f"victim: no weights in {name!r}; allowed: a checkpoint with *.safetensors")
    precision = victims.precision(name)
    device = choose_device()
    model = AutoModelForImageTextToText.from_pretrained(
        folder,
        dtype=victims.PRECISIONS[precision],
        use_safetensors=True,
        local_files_only=True,
        **quantisation_arguments(name, precision),
        **({"device_map": device} if device != "cpu" else {}),
    )
    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    return family_class(architecture)(name, victims.revision(name), model, _load_tokenizer(name, folder), processor)


@cache
def load_once(name: str) -> LVLM:
    """Set up torch and load a victim; later calls with the same name return the same object."""
    prepare()
    return load(name)


def _load_tokenizer(name: str, folder: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer with its chat template, which older checkpoints keep in a separate file."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if tokenizer.chat_template is None:
        file = folder / "chat_template.json"
        if not file.exists():
            raise UserError(f"victim: {name!r} has no chat template; allowed: a checkpoint with chat_template.jinja")
        tokenizer.chat_template = json.loads(file.read_text(encoding="utf-8"))["chat_template"]
    return tokenizer


def _download(name: str) -> Path:
    """Fetch a checkpoint from the hub at its pinned commit; raises UserError where that is impossible or forbidden."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    base, _ = victims.split_precision(name)
    hub = victims.HUB.get(base)
    victims.check_available([name])
    try:
        patterns = [f"*{suffix}" for suffix in sorted(victims.SUFFIXES)]
        return Path(
            snapshot_download(
                hub.source if hub else base, revision=hub.commit if hub else None, allow_patterns=patterns
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise victims.missing_error(name, f"the hub did not give it ({type(error).__name__})") from error
    finally:
        victims.revision.cache_clear()
