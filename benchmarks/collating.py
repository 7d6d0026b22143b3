"""Time of a training batch of large pictures by the number of threads: python -m benchmarks.collating

A batch is 16 pictures of 1024 x 768 from PNG files, cropped and recoloured, in the form that Qwen3-VL's processor gives
them. No model is trained; the times are those that a trainer waits for between two steps.
"""

import tempfile
import time
from pathlib import Path

import torch

from attacks import REGISTRY
from attacks.tune.inputs import AugmentedInputs
from bench.runtime import prepare
from bench.samples import SampleSet
from bench.spec import Method
from bench.threads import read_threads
from benchmarks.memory import LARGE, write_samples
from benchmarks.random_models import build_random

BATCH, BATCHES = 16, 4


def measure(samples: SampleSet, inputs: AugmentedInputs, threads: int) -> float:
    """Return the seconds of a batch, the mean over all batches of the samples, each picture seen for the first time."""
    torch.set_num_threads(threads)
    started = time.perf_counter()
    for first in range(0, len(samples), BATCH):
        inputs.collate_pictures(inputs.pictures(range(first, first + BATCH)))
    return (time.perf_counter() - started) * BATCH / len(samples)


def main() -> dict[int, float]:
    """Print a line for each number of threads, up to those that may be used; return seconds by number of threads."""
    prepare()
    victim = build_random("qwen3-vl-4b", "fp32", "cpu", tiny=True)
    parts = REGISTRY.build(Method(name="lora_sft+crop_color")).parts
    counts = [count for count in (1, 2, 4, 8, 16) if count <= read_threads()]
    times: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_samples(BATCH * BATCHES, LARGE, Path(folder))
        for count in counts:
            samples = SampleSet.load(Path(folder))
            inputs = AugmentedInputs(victim, samples, len(samples), parts, 0)
            times[count] = measure(samples, inputs, count)
            ratio = times[count] / times[1]
            print(f"threads {count}: {times[count]:.2f} s a batch of {BATCH}, {ratio:.2f} of one thread's", flush=True)
    return times


if __name__ == "__main__":
    main()
