"""The parts of whole submissions, and the checksums of a release."""

import hashlib
from pathlib import Path
from typing import Any

COMMON = {"version": 2, "title": "A title", "authors": ["someone"], "licence": "MIT"}
CODE = "class Mine:\n    pass\n"
ORIGIN = {"dataset": "emoji_smoke", "threat": "black", "surrogates": [], "budget": {"epsilon": 8, "words": 5}}
KINDS: dict[str, dict[str, Any]] = {
    "configured": {"defense": {"name": "em"}},
    "code": {"file": "mine.py", "sha256": hashlib.sha256(CODE.encode()).hexdigest()},
    "release": {"made_for": ORIGIN},
    "attack": {"attack": "lora_sft+jpeg(quality=30)", "breaks": [{"name": "em"}]},
}


def write_sums(folder: Path) -> None:
    """Write the checksums of a release as `sha256sum` does."""
    files = sorted(file for file in (folder / "release").rglob("*") if file.is_file())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(lines))
