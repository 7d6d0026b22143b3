"""Where the suite keeps what it makes: `$BENCH_HOME`, or `.bench` in the working directory."""

import os
from pathlib import Path


def home() -> Path:
    """The folder of artefacts, results and pretraining checkpoints."""
    return Path(os.environ.get("BENCH_HOME", ".bench")).resolve()


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a small file so that nobody ever sees a part of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
