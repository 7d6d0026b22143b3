"""Names of victims: what each is, where its files are, and the revision that names its results. Without torch."""

import hashlib
import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bench.errors import UserError, unknown
from bench.paths import home, write_whole

ROOT = Path(__file__).parent / "lvlm" / "embedded" / "checkpoints"

EMBEDDED = {
    "tiny-llava-a": "llava",
    "tiny-llava-b": "llava",
    "tiny-qwen3vl": "qwen3_vl",
    "tiny-internvl": "internvl",
    "tiny-gemma3": "gemma3",
}
"""Embedded victims and their architectures (`model_type`)."""


class Hub(NamedTuple):
    """A published checkpoint: architecture, hub id, pinned commit, gigabytes to download, licence."""

    architecture: str
    source: str
    commit: str | None
    gigabytes: float
    licence: str
    note: str = ""


HUB = {
    "qwen3-vl-4b": Hub(
        "qwen3_vl", "Qwen/Qwen3-VL-4B-Instruct", "ebb281ec70b05090aa6165b016eac8ec08e71b17", 8.9, "Apache-2.0"
    ),
    "qwen3-vl-2b": Hub(
        "qwen3_vl", "Qwen/Qwen3-VL-2B-Instruct", "89644892e4d85e24eaac8bacfd4f463576704203", 4.3, "Apache-2.0"
    ),
    "qwen3-vl-8b": Hub(
        "qwen3_vl", "Qwen/Qwen3-VL-8B-Instruct", "0c351dd01ed87e9c1b53cbc748cba10e6187ff3b", 17.5, "Apache-2.0"
    ),
    "qwen2.5-vl-7b": Hub(
        "qwen2_5_vl", "Qwen/Qwen2.5-VL-7B-Instruct", "cc594898137f460bfe9f0759e9844b3ce807cfb5", 16.6, "Apache-2.0"
    ),
    "llama-3.2-11b-vision": Hub(
        "mllama",
        "meta-llama/Llama-3.2-11B-Vision-Instruct",
        "9eb2daaa8597bf192a8b0e73f848f3a102794df5",
        21.3,
        "Llama 3.2 Community",
        "gated: its licence must be accepted on the hub",
    ),
    "llava-1.5-7b": Hub(
        "llava", "llava-hf/llava-1.5-7b-hf", "b234b804b114d9e37bb655e11cbbb5f5e971b7a9", 14.1, "Llama 2 Community"
    ),
    "internvl3.5-8b": Hub(
        "internvl", "OpenGVLab/InternVL3_5-8B-HF", "741a7d03020411e666c6109218ab71e08151ef86", 17.1, "Apache-2.0"
    ),
    "gemma-3-4b": Hub(
        "gemma3",
        "google/gemma-3-4b-it",
        "093f9f388b31de276ce2de164bdc2081324b9767",
        8.6,
        "Gemma terms",
        "gated: its licence must be accepted on the hub",
    ),
    "glm-4.1v-9b": Hub("glm4v", "zai-org/GLM-4.1V-9B-Base", None, 20.6, "MIT", "no commit is pinned"),
    "minicpm-v-4": Hub(
        "minicpmv4_6",
        "openbmb/MiniCPM-V-4.6",
        "8169864629825dc1d755a5aa1cd8b5935dcbc83f",
        2.6,
        "Apache-2.0",
        "the paper's MiniCPM-V-4 needs remote code; this is the nearest with a class of its own in transformers",
    ),
    "smolvlm-256m": Hub(
        "idefics3",
        "HuggingFaceTB/SmolVLM-256M-Instruct",
        "7e3e67edbbed1bf9888184d9df282b700a323964",
        0.5,
        "Apache-2.0",
    ),
}
"""The nine victims of MMGuard's paper, its second surrogate, and one that a laptop can play. Sizes are about right."""

FAMILIES = {"qwen3_vl": "qwen_vl", "qwen2_5_vl": "qwen_vl", "idefics3": "smolvlm", "minicpmv4_6": "minicpm_v"}
"""Architectures that are one family for an owner: the paper counts both generations of Qwen as one."""

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "4bit": "bfloat16"}
"""What may follow a name's `@`, and the dtype that is computed in; `4bit` keeps the weights in NF4 (QLoRA)."""

SMALL = 10**9
"""Checkpoints below so many bytes are computed in float32 unless their name says otherwise, others in bfloat16."""

WEIGHED = {".json", ".safetensors", ".jinja", ".txt", ".model"}


def split(name: str) -> tuple[str, str | None]:
    """A victim's name without its precision, and the precision: `qwen3-vl-4b@4bit`."""
    base, _, precision = name.rpartition("@")
    return (base, precision) if precision in PRECISIONS else (name, None)


def folder(name: str) -> Path:
    """The folder of an embedded checkpoint."""
    return ROOT / name


def locate(name: str) -> Path | None:
    """Where the files of a victim are on this machine; None where they are not.

    A folder is itself. A name of the hub is looked for in `$BENCH_MODELS`, under its own name or the end of its hub
    id, then in the hub's cache.
    """
    base, _ = split(name)
    if base in EMBEDDED:
        return folder(base)
    if (Path(base) / "config.json").exists():
        return Path(base)
    source, commit = (HUB[base].source, HUB[base].commit) if base in HUB else (base, None)
    if models := os.environ.get("BENCH_MODELS"):
        for copy in (Path(models) / base, Path(models) / source.split("/")[-1]):
            if (copy / "config.json").exists():
                return copy
    return _cached(source, commit) if "/" in source else None


def _cached(source: str, commit: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(source, "config.json", revision=commit)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def architecture(name: str) -> str:
    """The `model_type` of a victim. Raises UserError for a name that is neither in the catalog nor on this machine."""
    base, _ = split(name)
    if base in EMBEDDED:
        return EMBEDDED[base]
    if base in HUB:
        return HUB[base].architecture
    if (place := locate(base)) is None:
        raise UserError(
            f"victim: the family of {name!r} is not known; allowed: {', '.join([*EMBEDDED, *HUB])} or a local copy"
        )
    return str(json.loads((place / "config.json").read_text(encoding="utf-8"))["model_type"])


def family(name: str) -> str:
    """What an owner who does not know the checkpoint knows of it. Raises UserError as `architecture` does."""
    return FAMILIES.get(architecture(name), architecture(name))


def precision(name: str) -> str:
    """fp32, bf16, fp16 or 4bit: what the name says, else by the size of the checkpoint."""
    base, said = split(name)
    if said is not None:
        return said
    if base in HUB:
        return "bf16" if HUB[base].gigabytes >= SMALL / 1e9 else "fp32"
    place = locate(base)
    return "fp32" if place is not None and _size(place) < SMALL else "bf16"


def _size(place: Path) -> int:
    return sum(file.stat().st_size for file in place.glob("*.safetensors"))


@cache
def revision(name: str) -> str:
    """A hash of every file that decides what a checkpoint computes; of the hub's, the commit.

    What is not on this machine has the commit that is pinned, or its name.
    """
    base, _ = split(name)
    if base in HUB and (commit := HUB[base].commit) and (locate(base) or Path(commit)).name == commit:
        return commit
    place = locate(base)
    if place is None:
        return base
    return place.name if place.parent.name == "snapshots" else _digest(place)


def _digest(place: Path) -> str:
    """Of the files' names and contents; kept, by their sizes and times, as large ones take a while."""
    files = [f for f in sorted(place.iterdir()) if f.suffix in WEIGHED and f.name != "card.json"]
    stamps = json.dumps([[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files])
    kept = home() / "revisions" / hashlib.sha256(stamps.encode()).hexdigest()[:16]
    if place.parent != ROOT and kept.exists():
        return kept.read_text(encoding="utf-8")
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    found = digest.hexdigest()[:16]
    if place.parent != ROOT:
        write_whole(kept, found)
    return found


def check(name: str, field: str = "victim") -> None:
    """Raises UserError for a name that is nothing: not embedded, in the catalog, a checkpoint folder or org/name."""
    base, _ = split(name)
    if base not in EMBEDDED and base not in HUB and locate(base) is None and not _hub_name(base):
        raise unknown(field, name, [*EMBEDDED, *HUB], ", a checkpoint folder or org/name")


def _hub_name(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(part and part[0].isalnum() and set(part) <= ALLOWED for part in parts)


ALLOWED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def missing(name: str, why: str) -> UserError:
    """What to download, how large it is, and how to point to a local copy."""
    base, _ = split(name)
    hub = HUB.get(base)
    source = hub.source if hub else base
    size = f", about {hub.gigabytes:g} GB, licence {hub.licence}" if hub else ""
    note = f" ({hub.note})" if hub and hub.note else ""
    at = f" --revision {hub.commit}" if hub and hub.commit else ""
    return UserError(
        f"victim: {name!r} is not on this machine and {why}; download {source}{size}{note}: "
        f"`hf download {source}{at}`, or put a copy into a folder {base.split('/')[-1]!r} of $BENCH_MODELS, "
        f"or give its folder as the name"
    )


def require(names: Iterable[str]) -> None:
    """Raises UserError where one of the names is not on this machine and no hub may be asked."""
    offline = os.environ.get("HF_HUB_OFFLINE", "0").upper() in {"1", "ON", "YES", "TRUE"}
    for name in names:
        if offline and locate(name) is None:
            raise missing(name, "HF_HUB_OFFLINE forbids to ask the hub")
