"""Seconds of a crafting step over a bare forward + input-gradient loop of the same surrogate, in one process.

    python benchmarks/crafting.py [VICTIM]

Also the price of the binding loss, and of the trigger search a sample. Ratios of medians; nothing here is a test.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from bench.datasets import load
from bench.lvlm.catalog import load as load_lvlm
from bench.lvlm.text import Prompt
from bench.runtime import prepare
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY

BATCH, STEPS, REPEATS = 32, 5, 2


def median_seconds(work: Callable[[], object]) -> float:
    """Median over `REPEATS`, after one call to warm up."""
    work()
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main(name: str) -> None:
    """Print the table."""
    prepare()
    victim = load_lvlm(name)
    samples = SampleSet(load("emoji_catalog", "train").samples[:BATCH])
    images = [torch.from_numpy(s.pixels.copy()).permute(2, 0, 1).float() for s in samples]
    encoded = victim.encode([Prompt(s.question, s.answer) for s in samples], victim.layouts(images))
    positions = victim.position_inputs(encoded, victim.layouts(images))

    def bare() -> None:
        for _ in range(STEPS):
            leaves = [image.clone().requires_grad_(True) for image in images]
            loss = victim.forward_inputs(encoded, {**victim.pixel_values(leaves), **positions}).loss.sum()
            torch.autograd.grad(loss, leaves)

    def craft(method: str, **options: object) -> Callable[[], object]:
        fixed = {"rounds": 1, "inner_steps": 0, "image_steps": STEPS, "batch": BATCH, **options}
        defense = REGISTRY.build(Method(name=method, options=fixed))
        return lambda: defense.protect(samples, [victim], Budget(), np.random.default_rng(0), lambda *_: None)

    base = median_seconds(bare)
    em = median_seconds(craft("em"))
    unbound = median_seconds(craft("multimodal", text_rounds=0))
    bph = median_seconds(craft("mmguard", text_rounds=0))
    crs = median_seconds(craft("mmguard_crs", text_rounds=0))
    searched = median_seconds(craft("multimodal", text_rounds=1))
    print(f"{name}, batch {BATCH}, {torch.get_num_threads()} threads")
    print(f"bare forward + input gradient   {base / STEPS:.3f} s a step")
    print(f"em                              {em / base:.2f} of bare")
    print(f"binding BPH                     {bph / unbound:.2f} of the same step without it")
    print(f"binding CRS                     {crs / unbound:.2f} of the same step without it")
    print(f"trigger search, 5 slots x 8     {(searched - unbound) / BATCH:.3f} s a sample")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
