"""Open the checkpoint in a folder, of any known architecture, whole and without running code of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import transformers
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
from bench.lvlm.whole import (
    check_finite,
    check_finite_files,
    check_loading,
    check_processor,
    check_tokenizer,
    keep_token_ids,
)

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


def check_files(name: str, folder: Path) -> None:
    """Raise UserError for a checkpoint whose files alone say that it cannot be loaded."""
    architecture = victims.read_architecture(folder)
    if architecture not in ARCHITECTURES:
        raise UserError(f"victim: architecture {architecture!r} of {name!r}; allowed: {', '.join(ARCHITECTURES)}")
    if not any(file.endswith(".safetensors") for file in victims.list_files(folder)):
        raise UserError(f"victim: no weights in {name!r}; allowed: a checkpoint with *.safetensors")
    victims.inspect(name, folder)


def open_checkpoint(name: str, folder: Path) -> LVLM:
    """Load a checkpoint in this process; raises UserError for one that is not whole (`bench.lvlm.whole`)."""
    check_files(name, folder)
    precision = victims.precision(name)
    device, quantisation = choose_device(), quantisation_arguments(name, precision)
    with refuse_failures(name):
        model, report = AutoModelForImageTextToText.from_pretrained(
            folder,
            dtype=victims.PRECISIONS[precision],
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are in the report, by name
            **quantisation,
            **({"device_map": device} if device != "cpu" else {}),
        )
        check_loading(name, report)
        if quantisation:
            check_finite_files(name, folder)
        check_finite(name, model)
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        check_processor(name, processor)
        tokenizer = _load_tokenizer(name, folder)
        vocabulary = model.get_input_embeddings().num_embeddings
        check_tokenizer(name, tokenizer, vocabulary)
        model.generation_config = keep_token_ids(name, model.generation_config, vocabulary)
        family = family_class(victims.read_architecture(folder))
        return family(name, victims.revision(name), model, tokenizer, processor)


@contextmanager
def refuse_failures(name: str) -> Iterator[None]:
    """Turn whatever a library raises over a checkpoint's files, in any of its modules, into one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
        raise UserError(f"victim: {name!r} cannot be loaded ({reason}); allowed: a whole checkpoint") from error


def _load_tokenizer(name: str, folder: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer with its chat template, which older checkpoints keep in a separate file."""
    settings = victims.read_json(folder, "tokenizer_config.json") if (folder / "tokenizer_config.json").exists() else {}
    kind = settings.get("tokenizer_class")
    if "auto_map" in settings and not hasattr(transformers, str(kind)):
        raise UserError(
            f"victim: tokenizer_class {kind!r} of {name!r} is code of its own; allowed: a class of transformers"
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if tokenizer.chat_template is None:
        file = folder / "chat_template.json"
        if not file.exists():
            raise UserError(f"victim: {name!r} has no chat template; allowed: a checkpoint with chat_template.jinja")
        tokenizer.chat_template = victims.read_json(folder, file.name).get("chat_template")
    return tokenizer
