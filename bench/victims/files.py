"""Find the files of a victim on this machine, and explain what to do where they are missing."""

import json
import os
from pathlib import Path
from typing import Any

from bench.errors import UserError, unknown_name
from bench.victims.catalog import EMBEDDED, HUB, split_precision

ROOT = Path(__file__).parents[1] / "lvlm" / "embedded" / "checkpoints"
"""The folder of the embedded checkpoints."""

SUFFIXES = {".json", ".safetensors", ".jinja", ".txt", ".model", ".tiktoken", ".bpe", ".spm", ".vocab"}
"""Suffixes of the files that decide what a checkpoint computes."""

HUB_CHARACTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
"""Characters of the two parts of a name on the hub."""


def embedded_folder(name: str) -> Path:
    """Return the folder of an embedded checkpoint."""
    return ROOT / name


def read_card(name: str) -> dict[str, Any]:
    """Return the measured facts of an embedded victim, as its pretraining wrote them."""
    card: dict[str, Any] = json.loads((embedded_folder(name) / "card.json").read_text(encoding="utf-8"))
    return card


def is_embedded(folder: Path) -> bool:
    """Return True for the folder of an embedded checkpoint."""
    return folder.resolve().parent == ROOT.resolve()


def locate(name: str) -> Path | None:
    """Return the folder with a victim's files on this machine, or None.

    The name may be a folder itself. A name of the hub is looked up in `$BENCH_MODELS`, as a folder called like the
    name or like the end of its hub id, and then in the hub's cache.
    """
    base, _ = split_precision(name)
    if base in EMBEDDED:
        return embedded_folder(base)
    if _has_config(Path(base)):
        return Path(base)
    source, commit = (HUB[base].source, HUB[base].commit) if base in HUB else (base, None)
    if models := os.environ.get("BENCH_MODELS"):
        for copy in (Path(models) / base, Path(models) / source.split("/")[-1]):
            if _has_config(copy):
                return copy
    return _locate_in_hub_cache(source, commit) if "/" in source else None


def _has_config(folder: Path) -> bool:
    return os.path.exists(folder / "config.json")  # noqa: PTH110 - False for a name that no file system takes


def _locate_in_hub_cache(source: str, commit: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(source, "config.json", revision=commit)
    except HFValidationError:
        return None
    return Path(config).parent if isinstance(config, str) else None


def check(name: str, field: str = "victim") -> None:
    """Raise UserError unless `name` is embedded, in the catalog, a checkpoint folder, or of the form org/name."""
    base, _ = split_precision(name)
    if base not in EMBEDDED and base not in HUB and locate(base) is None and not _is_hub_name(base):
        raise unknown_name(field, name, [*EMBEDDED, *HUB], ", a checkpoint folder or org/name")


def _is_hub_name(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(part and part[0].isalnum() and set(part) <= HUB_CHARACTERS for part in parts)


def missing_error(name: str, reason: str) -> UserError:
    """Return the error for a victim without files: what to download, its size, and how to name a local copy."""
    base, _ = split_precision(name)
    hub = HUB.get(base)
    source = hub.source if hub else base
    size = f", about {hub.gigabytes:g} GB, licence {hub.licence}" if hub else ""
    note = f" ({hub.note})" if hub and hub.note else ""
    revision = f" --revision {hub.commit}" if hub and hub.commit else ""
    return UserError(
        f"victim: {name!r} is not on this machine and {reason}; download {source}{size}{note}: "
        f"`hf download {source}{revision}`, or put a copy into a folder {base.split('/')[-1]!r} of $BENCH_MODELS, "
        f"or give its folder as the name"
    )
