"""Seconds of a `lora_sft` step and of a bare PEFT loop on the same batches: python -m benchmarks.training [VICTIM]"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from attacks import REGISTRY
from attacks.tune.inputs import Inputs
from bench import datasets
from bench.lvlm import catalog
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.progress import silent
from bench.runtime import prepare
from bench.samples import SampleSet
from bench.spec import Method

BATCH, STEPS, EPOCHS = 16, 48, 3


def main(name: str) -> None:
    """Print both times, measured in turns in this process, and their ratio."""
    prepare()
    victim = catalog.load(name)
    samples = SampleSet(datasets.load("emoji_catalog", "train").samples[: BATCH * STEPS])
    validation = SampleSet(samples.samples[:BATCH])  # few, because the check after an epoch is no part of a step
    inputs = Inputs(victim, samples)

    def bare() -> float:
        with attach_adapter(victim, lora_config(victim, 16, "language+projector")) as parameters:
            optimiser = torch.optim.AdamW(parameters, lr=1e-3)
            victim.model.train()
            started = time.perf_counter()
            for k in range(STEPS):
                batch = inputs.collate([{"index": i} for i in range(k * BATCH, (k + 1) * BATCH)])
                victim.model(**batch).loss.backward()
                optimiser.step()
                optimiser.zero_grad()
            return time.perf_counter() - started

    def ours() -> float:
        attack = REGISTRY.build(Method(name="lora_sft", options={"epochs": EPOCHS, "batch": BATCH}))
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            attack.tune(victim, samples, validation, 0, Path(folder), silent)
            return (time.perf_counter() - started) / EPOCHS

    bare()
    bare_times, our_times = zip(*((bare(), ours()) for _ in range(2)), strict=True)
    base, trained = statistics.median(bare_times), statistics.median(our_times)
    print(f"{name}, batch {BATCH}, {EPOCHS} x {STEPS} steps, {torch.get_num_threads()} threads")
    print(f"bare PEFT loop   {base / STEPS:.3f} s a step")
    print(f"lora_sft         {trained / STEPS:.3f} s a step, set-up and saving included: {trained / base:.2f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
