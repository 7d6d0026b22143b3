"""The benchmark: what is played, how it is played, and what its results say. CONTRIBUTING.md names the rooms.

From Python, `from bench import run, protect, audit, detect, load_defense, load_attack, results`: see `bench.api`.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# OpenMP reads this when torch is imported. Threads that wait for each other give up their core soon: where another
# program is busy, two threads on two cores are otherwise fifteen times slower than one (`benchmarks.threads`).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

if TYPE_CHECKING:
    from bench.api import audit, detect, load_attack, load_defense, protect, results, run
else:

    def __getattr__(name: str) -> object:
        """Return a function of `bench.api`, which is imported when one is first asked for. `results` is also a room."""
        if name not in __all__:
            raise AttributeError(f"module 'bench' has no attribute {name!r}")
        return import_module("bench.results") if name == "results" else getattr(import_module("bench.api"), name)


__all__ = ["audit", "detect", "load_attack", "load_defense", "protect", "results", "run"]
