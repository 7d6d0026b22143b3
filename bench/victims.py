"""Names, families and revisions of victims, without importing torch."""

import hashlib
import json
from functools import cache
from pathlib import Path

from bench import published
from bench.errors import UserError

ROOT = Path(__file__).parent / "lvlm" / "embedded" / "checkpoints"

EMBEDDED = {"tiny-llava-a": "llava", "tiny-llava-b": "llava", "tiny-qwen3vl": "qwen3_vl"}
"""Embedded victims and their families."""


def folder(name: str) -> Path:
    """The folder of an embedded checkpoint."""
    return ROOT / name


def family(name: str) -> str:
    """The family of an embedded or published victim, or of a local checkpoint. Raises UserError for other names."""
    if name in EMBEDDED:
        return EMBEDDED[name]
    if name in published.MODELS:
        return published.MODELS[name][0]
    if not (Path(name) / "config.json").exists():
        raise UserError(f"victim: the family of {name!r} is not known; allowed: {', '.join(EMBEDDED)} or a local copy")
    return str(json.loads((Path(name) / "config.json").read_text())["model_type"])


@cache
def revision(name: str) -> str:
    """A hash of every file that decides what an embedded or local checkpoint computes; a hub name as it is."""
    root = folder(name) if name in EMBEDDED else Path(name)
    if not root.exists():
        return name
    digest = hashlib.sha256()
    for file in sorted(root.iterdir()):
        if file.suffix in {".json", ".safetensors", ".jinja", ".txt"} and file.name != "card.json":
            digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
