"""Seconds that the sandbox adds to a release and to an attack: python -m benchmarks.sandbox [DATASET]

The same defense without gradients protects a training split in this process, in a plain process, and in the sandbox;
an empty description is the price of a start alone. An attack of one pass with a part of a file, which changes nothing,
trains in the sandbox and in a plain process.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from attacks.parts import PARTS
from bench import sandbox
from bench.datasets import load
from bench.progress import silent
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY

CODE = "from defenses.controls import RandomNoise\n\n\nclass Entry(RandomNoise):\n    pass\n"

PART = (
    "from attacks.parts import AttackCard, Part\n\n\n"
    'class Entry(Part):\n    card = AttackCard("K1", 1.0, "nothing", "nobody")\n'
)

VICTIM, SEED = "tiny-internvl-64", 0


def measure(call: Callable[[], object], count: int = 5) -> float:
    """Return the median seconds of some calls."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def train(samples: SampleSet) -> None:
    """Train with the attack once."""
    with TemporaryDirectory() as folder:
        attack = parse_attack("lora_sft(epochs=1)+entry")
        data = sandbox.Data(samples, SampleSet(samples[:1]))
        sandbox.attack(attack, ATTACKS.describe(attack).traits, VICTIM, lambda: data, {""}, SEED, Path(folder))


def main(dataset: str) -> None:
    """Print the seconds of each way."""
    samples, defense = load(dataset, "train"), REGISTRY.build(Method(name="random_noise"))
    with TemporaryDirectory() as folder:
        file, part = Path(folder, "entry.py"), Path(folder, "part.py")
        file.write_text(CODE, encoding="utf-8")
        part.write_text(PART, encoding="utf-8")
        PARTS.add_file("entry", part)
        here = measure(lambda: defense.protect(samples, (), Budget(), np.random.default_rng(SEED), silent))
        print(f"{len(samples)} samples of {dataset}: {here:.2f} s in this process")
        for text, unsafe in (("in the sandbox", "0"), ("in a plain process", "1")):
            os.environ[sandbox.UNSAFE] = unsafe
            whole = measure(lambda: sandbox.protect(file, {}, samples, (), Budget(), SEED))
            start = measure(lambda: sandbox.describe(file, {}))
            print(f"{whole:.2f} s {text}, of which a start is {start:.2f} s", flush=True)
            print(f"{measure(lambda: train(samples), 3):.2f} s for an attack of one pass {text}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "emoji_catalog")
