"""One place that sets torch's threads, determinism and the offline switches."""

import os
import random

import numpy as np


def prepare(threads: int | None = None) -> None:
    """Set the number of CPU threads (all cores unless `BENCH_THREADS` says otherwise) and determinism."""
    import torch

    count = threads or int(os.environ.get("BENCH_THREADS", os.cpu_count() or 1))
    torch.set_num_threads(count)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what a card's matrix products need for it
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # Debugging aid of the deterministic mode: it overwrites every scratch buffer, 134 MB a step in TRL's loss.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def seed_everything(seed: int) -> None:
    """Seed the global generators, for libraries that read no other (transformers, peft)."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what those libraries read
    torch.manual_seed(seed)
