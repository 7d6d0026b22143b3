"""Tell a checkpoint that is whole on this machine from one that is partly here. Reads no weights."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

SUFFIXES = {".json", ".safetensors", ".jinja", ".txt", ".model", ".tiktoken", ".bpe", ".spm", ".vocab"}
"""Suffixes of the files that decide what a checkpoint computes."""

SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors")
"""The name of one of several files of weights."""


def list_missing(folder: Path) -> list[str]:
    """Return the files that a checkpoint's folder lacks, as far as its own files tell: config and weights."""
    names = {"config.json"} | _weights(folder)
    return sorted(name for name in names if not (folder / name).exists())


def list_missing_of_download(folder: Path, source: str) -> list[str]:
    """Return the files that a snapshot in the hub's cache lacks: by the hub's own listing, where that was kept.

    Where there is none, since another program fetched single files, the settings of the tokenizer and of the pictures
    are asked for, too.
    """
    listed = _listing(folder, source)
    if listed:
        return sorted(name for name in listed if not (folder / name).exists())
    missing = list_missing(folder)
    missing += [name for name in ("tokenizer_config.json",) if not (folder / name).exists()]
    if not any((folder / name).exists() for name in ("preprocessor_config.json", "processor_config.json")):
        missing.append("preprocessor_config.json")
    return missing


def _weights(folder: Path) -> set[str]:
    """Return the names of the files of weights that belong together."""
    present = [file.name for file in folder.glob("*.safetensors")]
    names = {shard for index in folder.glob("*.safetensors.index.json") for shard in _shards(index)}
    for match in filter(None, map(SHARD.fullmatch, present)):
        count = int(match[3])
        names |= {f"{match[1]}-{number:05d}-of-{match[3]}.safetensors" for number in range(1, count + 1)}
    return names if names or present else {"model.safetensors"}


def _shards(index: Path) -> Iterable[str]:
    """Yield the plain file names in an index; whatever else it says is for `inspect` to refuse."""
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        for shard in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values():
            if isinstance(shard, str) and "/" not in shard and "\0" not in shard:
                yield shard


def _listing(folder: Path, source: str) -> list[str]:
    """Return the files of a snapshot that a victim needs, as the hub listed them; empty where no listing is kept."""
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        tree = get_cached_repo_tree(source, revision=folder.name, cache_dir=folder.parents[2])
    except CachedRepoTreeNotFoundError:
        return []
    return [file.path for file in tree if Path(file.path).suffix in SUFFIXES]
