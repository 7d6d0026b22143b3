"""Set up torch's threads and determinism, and seed the global random generators."""

import os
import random

import numpy as np

from bench.threads import read_threads


def prepare(threads: int | None = None) -> None:
    """Set the number of CPU threads and make torch deterministic.

    The number of threads is `threads`, or else `BENCH_THREADS`, or else the number of cores. Raises UserError.
    """
    import torch

    torch.set_num_threads(threads or read_threads())
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for deterministic matrix products on a GPU
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # The deterministic mode overwrites every scratch buffer to help debugging: 134 MB in each step of TRL's loss.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch, which transformers and peft use."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the generator that those libraries use
    torch.manual_seed(seed)
