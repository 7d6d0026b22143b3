"""The origin of a number: versions, commit and machine."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.play.hardware import hardware
from bench.threads import read_threads

PACKAGES = ("torch", "transformers", "peft", "trl", "lm_eval", "datasets", "numpy", "optuna", "pillow")

EXTRAS = ("ray", "submitit")
"""Packages that are listed where they are installed."""


@cache
def provenance() -> dict[str, Any]:
    """Return package versions, git commit, hardware and threads of this process.

    `dirty` tells if the checkout has changes that are not committed; it and `git` are None outside a checkout. Seeds,
    durations and joules are in the row's own columns `seed` and `cost`.
    """
    return {
        "packages": {name: version(name) for name in (*PACKAGES, *filter(find_spec, EXTRAS))},
        "python": platform.python_version(),
        "git": _git("rev-parse", "HEAD"),
        "dirty": None if (status := _git("status", "--porcelain")) is None else bool(status),
        "machine": platform.machine(),
        "hardware": hardware(),
        "threads": read_threads(),
    }


def _git(*arguments: str) -> str | None:
    root = Path(__file__).parent.parent.parent
    if not (root / ".git").exists():
        return None
    answer = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None
