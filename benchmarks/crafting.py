"""Seconds of a crafting step over a bare forward + input-gradient loop of the same surrogate, in one process.

    python benchmarks/crafting.py [VICTIM]

EM's surrogate wears an adapter, so the bare loop is measured with one too. Also the price of the binding loss, and of
the trigger search a sample. Ratios of medians; nothing here is a test.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from bench.datasets import load
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.lvlm.catalog import load as load_lvlm
from bench.lvlm.text import Prompt
from bench.runtime import prepare
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.pixel import PixelOptions

BATCH, STEPS, REPEATS = 32, 12, 3  # 12 steps: a default release


def median_seconds(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Medians over `REPEATS`, after one call to warm up; by turns, so that a slow minute slows all of them."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(1 + REPEATS):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}


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

    def adapted() -> None:
        with attach_adapter(victim, lora_config(victim, PixelOptions().inner_rank, "language")):
            victim.model.requires_grad_(False)
            bare()

    def craft(method: str, **options: object) -> Callable[[], object]:
        fixed = {"rounds": 1, "inner_steps": 0, "image_steps": STEPS, "batch": BATCH, **options}
        defense = REGISTRY.build(Method(name=method, options=fixed))
        return lambda: defense.protect(samples, [victim], Budget(), np.random.default_rng(0), lambda *_: None)

    took = median_seconds(
        {
            "bare": bare,
            "adapted": adapted,
            "em": craft("em"),
            "unbound": craft("multimodal", text_rounds=0),
            "BPH": craft("mmguard", text_rounds=0),
            "CRS": craft("mmguard_crs", text_rounds=0),
            "searched": craft("multimodal", text_rounds=1),
        }
    )
    print(f"{name}, batch {BATCH}, {torch.get_num_threads()} threads")
    print(f"bare forward + input gradient   {took['bare'] / STEPS:.3f} s a step")
    print(f"bare, surrogate wearing a LoRA  {took['adapted'] / took['bare']:.2f} of bare")
    print(f"em, of the bare loop            {took['em'] / took['bare']:.2f}")
    print(f"em, of the loop with the LoRA   {took['em'] / took['adapted']:.2f}")
    print(f"binding BPH                     {took['BPH'] / took['unbound']:.2f} of the same step without it")
    print(f"binding CRS                     {took['CRS'] / took['unbound']:.2f} of the same step without it")
    print(f"trigger search, 5 slots x 4     {(took['searched'] - took['unbound']) / BATCH:.3f} s a sample")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
