"""Seconds that the sandbox adds to a release: python -m benchmarks.sandbox [DATASET]

The same defense without gradients protects a training split in this process, in a plain process, and in the sandbox;
an empty description is the price of a start alone.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench import sandbox
from bench.datasets import load
from bench.progress import silent
from bench.spec import Budget, Method
from defenses import REGISTRY

CODE = "from defenses.controls import RandomNoise\n\n\nclass Entry(RandomNoise):\n    pass\n"


def measure(call: Callable[[], object]) -> float:
    """Return the median seconds of five calls."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main(dataset: str) -> None:
    """Print the seconds of each way."""
    samples, defense = load(dataset, "train"), REGISTRY.build(Method(name="random_noise"))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "entry.py"
        file.write_text(CODE, encoding="utf-8")
        here = measure(lambda: defense.protect(samples, (), Budget(), np.random.default_rng(0), silent))
        print(f"{len(samples)} samples of {dataset}: {here:.2f} s in this process")
        for text, unsafe in (("in the sandbox", "0"), ("in a plain process", "1")):
            os.environ[sandbox.UNSAFE] = unsafe
            whole = measure(lambda: sandbox.protect(file, {}, samples, (), Budget(), 0))
            start = measure(lambda: sandbox.describe(file, {}))
            print(f"{whole:.2f} s {text}, of which a start is {start:.2f} s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "emoji_catalog")
