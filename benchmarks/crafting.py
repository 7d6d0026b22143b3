"""Seconds of a crafting step compared with a bare loop of forward passes and input gradients.

    python -m benchmarks.crafting [VICTIM]

Both run on the same surrogate in one process. EM's surrogate has an adapter, so the bare loop is measured with one too.
Measured as well: what the binding loss adds, and the trigger search for each sample. The ratios are of medians, and the
seconds are of the processor, so that other work on the machine does not count.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from bench import datasets
from bench.lvlm import catalog
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded, Prompt
from bench.progress import silent
from bench.runtime import prepare
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.levels import to_levels
from defenses.craft.pixel import PixelOptions
from defenses.craft.trigger import TriggerOptions

BATCH, STEPS, REPEATS = 32, 12, 3  # 12 steps: a default release


def median_seconds(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median of each work over `REPEATS`, after one call to warm up.

    The works take turns, so that a slow minute of the machine slows all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(1 + REPEATS):
        for name, work in works.items():
            started = time.process_time()
            work()
            seconds[name].append(time.process_time() - started)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}


def take_bare_steps(victim: LVLM, encoded: Encoded, images: Sequence[torch.Tensor], steps: int) -> None:
    """Take forward passes with input gradients on pictures, and do nothing with them."""
    positions = victim.position_inputs(encoded, victim.layouts(images))
    for _ in range(steps):
        leaves = [image.clone().requires_grad_(True) for image in images]
        loss = victim.forward_inputs(encoded, {**victim.pixel_values(leaves), **positions}).loss.sum()
        torch.autograd.grad(loss, leaves)


def main(name: str) -> None:
    """Print the table."""
    prepare()
    victim = catalog.load(name)
    samples = SampleSet(datasets.load("emoji_catalog", "train").samples[:BATCH])
    images = [to_levels(s.pixels) for s in samples]
    encoded = victim.encode([Prompt(s.question, s.answer) for s in samples], victim.layouts(images))

    def bare() -> None:
        take_bare_steps(victim, encoded, images, STEPS)

    def adapted() -> None:
        with attach_adapter(victim, lora_config(victim, PixelOptions().inner_rank, "language")):
            victim.model.requires_grad_(False)
            bare()

    def craft(method: str, **options: object) -> Callable[[], object]:
        fixed = {"rounds": 1, "inner_steps": 0, "image_steps": STEPS, "batch": BATCH, **options}
        defense = REGISTRY.build(Method(name=method, options=fixed))
        return lambda: defense.protect(samples, [victim], Budget(), np.random.default_rng(0), silent)

    seconds = median_seconds(
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
    print(f"bare forward + input gradient   {seconds['bare'] / STEPS:.3f} s a step")
    print(f"bare, surrogate with a LoRA     {seconds['adapted'] / seconds['bare']:.2f} of bare")
    print(f"em, of the bare loop            {seconds['em'] / seconds['bare']:.2f}")
    print(f"em, of the loop with the LoRA   {seconds['em'] / seconds['adapted']:.2f}")
    print(f"binding BPH                     {seconds['BPH'] / seconds['unbound']:.2f} of the same step without it")
    print(f"binding CRS                     {seconds['CRS'] / seconds['unbound']:.2f} of the same step without it")
    words, search = TriggerOptions().candidates, seconds["searched"] - seconds["unbound"]
    print(f"trigger search, 5 slots x {words}    {search / BATCH:.3f} s a sample")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
