"""Where the suite keeps what it makes: `$BENCH_HOME`, or `.bench` in the working directory."""

import os
from pathlib import Path


def home() -> Path:
    """The folder of artefacts, results and pretraining checkpoints."""
    return Path(os.environ.get("BENCH_HOME", ".bench")).resolve()
