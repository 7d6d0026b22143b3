"""Refuse a checkpoint whose files are not whole, or name other places. Loads no weights and imports no torch."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from bench.errors import UserError
from bench.victims.catalog import ASSEMBLED, HUB, split_precision
from bench.victims.contents import list_files, read_json
from bench.victims.downloads import is_offline
from bench.victims.files import is_embedded, join_names, locate, missing_error
from bench.victims.wholeness import list_missing

LAYER_COUNTS = {"num_hidden_layers", "num_layers", "n_layer", "depth", "num_global_layers", "encoder_layers"}
"""Keys of a config that say how many layers a part of the model has."""

ATTENTION_KEYS = {"attn_implementation", "_attn_implementation", "_attn_implementation_internal"}
"""Keys of a config that name an implementation of attention; one of the form org/name is code from the hub."""


def check_available(names: Iterable[str]) -> None:
    """Raise UserError for a name whose files on this machine are not whole and cannot be downloaded.

    What is missing of a download is fetched when the model is loaded, unless `HF_HUB_OFFLINE` forbids that.
    """
    for name in names:
        folder = locate(name)
        if folder is None and (is_offline() or split_precision(name)[0] in ASSEMBLED):
            raise missing_error(name, "HF_HUB_OFFLINE forbids downloads from the hub")
        if folder is not None and not is_embedded(folder):
            _check_copy(name, folder)
            inspect(name, folder)


def _check_copy(name: str, folder: Path) -> None:
    """Raise UserError for a folder without some of its weights: a copy or a download that was broken off."""
    missing = list_missing(folder)
    if not missing:
        return
    base, _ = split_precision(name)
    fetched = f"hf download {HUB[base].source} --revision {HUB[base].commit} --local-dir" if base in HUB else ""
    ways = f"`{fetched} {folder}`, which continues the download" if fetched else "a whole checkpoint"
    raise _error(name, f"{str(folder)!r} is not whole (missing: {join_names(missing)})", ways)


def inspect(name: str, folder: Path) -> None:
    """Raise UserError for a checkpoint that cannot be loaded whole from the files in its folder.

    Checked are every JSON file, the headers of the weights, the shards that an index names, and the settings of the
    config that would fetch or run something else.
    """
    files = list_files(folder)
    contents = {file: read_json(folder, file) for file in files if file.endswith(".json") and "/" not in file}
    tensors = [key for file in files if file.endswith(".safetensors") for key in _read_header(name, file, files[file])]
    if "adapter_config.json" in contents:
        raise _error(name, "'adapter_config.json' names another model", "a checkpoint with its adapter merged")
    for file in (file for file in contents if file.endswith(".safetensors.index.json")):
        _check_index(name, file, contents[file], files)
    for key, value in _walk(contents.get("config.json", {})):
        _check_setting(name, key, value, files, len(tensors))


def _read_header(name: str, file: str, path: Path) -> list[str]:
    """Return the names of the tensors of a file of weights; reads the header alone."""
    try:
        with safe_open(path, framework="numpy") as weights:
            return list(weights.keys())
    except (SafetensorError, OSError, ValueError) as error:
        raise _error(name, f"{file!r} is not whole ({error})", "a safetensors file as it was written") from error


def _check_index(name: str, file: str, index: dict[str, Any], files: dict[str, Path]) -> None:
    shards = index.get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise _error(name, f"{file!r} has no weight_map", "an index that names a shard for each tensor")
    for tensor, shard in shards.items():
        if not isinstance(shard, str) or shard not in files:
            raise _error(name, f"{file!r} has {tensor!r} in {shard!r}", "a file inside the folder")


def _check_setting(name: str, key: str, value: Any, files: dict[str, Path], tensors: int) -> None:
    """Raise UserError for a setting of the config that asks for what the folder does not hold."""
    if key in LAYER_COUNTS and value is not None and not (type(value) is int and 0 <= value <= tensors):
        raise _error(name, f"{key} {value!r} in 'config.json', but {tensors} tensors", "one tensor a layer at least")
    if key == "transformers_weights" and value is not None and value not in files:
        raise _error(name, f"{key} {value!r} in 'config.json'", "a file inside the folder")
    if key in ATTENTION_KEYS and "/" in str(value):
        raise _error(name, f"{key} {value!r} in 'config.json'", "eager, sdpa")
    if key == "quant_method" and value != "bitsandbytes":
        raise _error(name, f"{key} {value!r} in 'config.json'", "bitsandbytes, or weights that are not quantised")
    if key in {"use_pretrained_backbone", "use_timm_backbone"} and value:
        raise _error(name, f"{key} {value!r} in 'config.json'", "false: every weight is in the folder")


def _walk(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the keys and the plain values of a config and of the configs inside it."""
    for key, value in config.items():
        inner = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
        yield key, value if isinstance(value, str | int | float | None) else str(value)
        yield from chain.from_iterable(_walk(part) for part in inner if isinstance(part, dict))


def _error(name: str, what: str, allowed: str) -> UserError:
    return UserError(f"victim: {name!r}: {what}; allowed: {allowed}")
