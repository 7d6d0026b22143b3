"""Find the files of a victim on this machine, and explain what to do where they are missing."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import UserError, unknown_name
from bench.paths import home
from bench.victims.catalog import ASSEMBLED, EMBEDDED, HUB, split_precision
from bench.victims.wholeness import list_missing_of_download

ROOT = Path(__file__).parents[1] / "lvlm" / "embedded" / "checkpoints"
"""The folder of the embedded checkpoints."""

HUB_CHARACTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
"""Characters of the two parts of a name on the hub."""


def embedded_folder(name: str) -> Path:
    """Return the folder of an embedded checkpoint, or of what is embedded of an assembled one."""
    return ROOT / name


def assembled_folder(name: str) -> Path:
    """Return the folder that an assembled victim is made in."""
    return home() / "victims" / name


def read_card(name: str) -> dict[str, Any]:
    """Return the measured facts of an embedded or assembled victim, as its pretraining wrote them."""
    card: dict[str, Any] = json.loads((embedded_folder(name) / "card.json").read_text(encoding="utf-8"))
    return card


def is_embedded(folder: Path) -> bool:
    """Return True for the folder of an embedded checkpoint."""
    return folder.resolve().parent == ROOT.resolve()


def locate(name: str) -> Path | None:
    """Return the folder with a victim's files on this machine, or None.

    The name may be a folder itself. An assembled victim is in the home folder once it was made. A name of the hub is
    looked up in `$BENCH_MODELS`, as a folder called like the name or like the end of its hub id, and then in the hub's
    cache, where a part of a download does not count.
    """
    base, _ = split_precision(name)
    if base in EMBEDDED:
        return embedded_folder(base)
    if base in ASSEMBLED:
        return assembled_folder(base) if _has_config(assembled_folder(base)) else None
    if _has_config(Path(base)):
        return Path(base)
    source = HUB[base].source if base in HUB else base
    if models := os.environ.get("BENCH_MODELS"):
        for copy in (Path(models) / base, Path(models) / source.split("/")[-1]):
            if _has_config(copy):
                return copy
    snapshot = find_snapshot(base)
    return snapshot if snapshot is not None and not list_missing_of_download(snapshot, source) else None


def _has_config(folder: Path) -> bool:
    return os.path.exists(folder / "config.json")  # noqa: PTH110 - False for a name that no file system takes


def find_snapshot(base: str) -> Path | None:
    """Return the folder of a download in the hub's cache, whole or not; None for a name without one."""
    source, commit = (HUB[base].source, HUB[base].commit) if base in HUB else (base, None)
    if not is_hub_name(source):
        return None
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
    known = [*EMBEDDED, *ASSEMBLED, *HUB]
    if base not in known and locate(base) is None and not is_hub_name(base):
        raise unknown_name(field, name, known, ", a checkpoint folder or org/name")


def is_hub_name(name: str) -> bool:
    """Return True for a name of the form org/name."""
    parts = name.split("/")
    return len(parts) == 2 and all(part and part[0].isalnum() and set(part) <= HUB_CHARACTERS for part in parts)


def missing_error(name: str, reason: str) -> UserError:
    """Return the error for a victim that is not whole here: what to download, its size, and how to name a copy."""
    base, _ = split_precision(name)
    if base in ASSEMBLED:
        return UserError(f"victim: {name!r} is not made yet; make it with `bench victims fetch {base}`")
    hub = HUB.get(base)
    source = hub.source if hub else base
    size = f", about {hub.gigabytes:g} GB, licence {hub.licence}" if hub else ""
    note = f" ({hub.note})" if hub and hub.note else ""
    revision = f" --revision {hub.commit}" if hub else ""
    return UserError(
        f"victim: {name!r} is {_state(base, source)} and {reason}; download {source}{size}{note}: "
        f"`hf download {source}{revision}`, or put a copy into a folder {base.split('/')[-1]!r} of $BENCH_MODELS, "
        f"or give its folder as the name"
    )


def _state(base: str, source: str) -> str:
    snapshot = find_snapshot(base)
    if snapshot is None:
        return "not on this machine"
    return f"only partly on this machine (missing: {join_names(list_missing_of_download(snapshot, source))})"


def join_names(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are.

    >>> join_names(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
