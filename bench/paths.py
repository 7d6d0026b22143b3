"""The folder that the suite writes to: `$BENCH_HOME`, or `.bench` in the working directory."""

import os
from pathlib import Path


def home() -> Path:
    """Return the folder of artefacts, results and pretraining checkpoints."""
    return Path(os.environ.get("BENCH_HOME", ".bench")).resolve()


def write_atomic(file: Path, content: str | bytes) -> None:
    """Write a small file atomically: a reader sees the old content or the new, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
