"""Peak memory of protect, attack and evaluate over growing numbers of pictures: python -m benchmarks.memory [COUNT ...]

The embedded victim tiny-llava-a reads pictures of 1024 x 768, each stage in a process of its own. The numbers are the
processes' peaks of resident memory. --size 256x192: other pictures, which take less time.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from bench.samples import Sample, SampleSet
from bench.spec import Budget, Method

COUNTS = (500, 1000, 2000)
LARGE, SMALL = (768, 1024), (48, 64)
"""Height and width of a picture."""

OPTIONS = {"rounds": 1, "image_steps": 1, "inner_steps": 1}
"""One step of each kind: more would take longer and no more memory."""


def write_samples(count: int, size: tuple[int, int], folder: Path) -> None:
    """Write questions about `count` pictures of coloured fields, all in one form."""
    rng, picture = np.random.default_rng(0), np.zeros((*size, 3), np.uint8)
    SampleSet(tuple(Sample(f"s{i}", f"p{i}", picture, "What is this?", "a red bus") for i in range(count))).save(folder)
    for file in sorted((folder / "images").iterdir()):
        fields = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        fields.resize(size[::-1], Image.Resampling.NEAREST).save(file, compress_level=1)


def work(stage: str, folder: Path) -> None:
    """Do the work of a stage as `bench.stages` does it, on the samples in a folder."""
    from bench.lvlm.catalog import load
    from bench.progress import silent
    from bench.runtime import prepare

    prepare()
    lvlm = load("tiny-llava-a")
    samples = SampleSet.load(folder / "clean")
    few = SampleSet(samples[:8])

    def protect() -> None:
        from bench.stages.audit import audit
        from defenses import REGISTRY

        defense = REGISTRY.build(Method(name="em", options=OPTIONS))
        made = defense.protect(samples, [lvlm], Budget(), np.random.default_rng(0), silent)
        made.samples.save(folder / "release")
        audit(few, SampleSet(SampleSet.load(folder / "release")[: len(few)]), Budget())

    def attack() -> None:
        from attacks import REGISTRY

        tuner = REGISTRY.build(Method(name="lora_sft", options={"epochs": 1}))
        tuner.tune(lvlm, SampleSet.load(folder / "release"), few, 0, folder, silent)

    def evaluate() -> None:
        from bench import datasets
        from bench.lvlm.features import cache_features
        from bench.stages.evaluate import evaluate

        datasets.load = lambda name, split: samples  # type: ignore[assignment]
        with cache_features(lvlm):
            evaluate(lvlm, "own", "test", silent)

    works: dict[str, Callable[[], None]] = {"protect": protect, "attack": attack, "evaluate": evaluate}
    works[stage]()


def measure(stage: str, folder: Path) -> float:
    """Return the peak memory in MB of a process that does the work of a stage."""
    program = f"""
import pathlib, resource
from benchmarks.memory import work
work({stage!r}, pathlib.Path({str(folder)!r}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    process = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    return int(process.stdout.split()[-1]) * 1024 / 1e6


def main(arguments: Sequence[str] | None = None) -> dict[int, dict[str, float]]:
    """Print a line for each number of pictures, and return the peaks by number and stage, in MB."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition(":")[0])
    parser.add_argument("counts", nargs="*", type=int, default=COUNTS, help="numbers of pictures")
    parser.add_argument("--size", default=f"{LARGE[1]}x{LARGE[0]}", help="width and height of a picture")
    options = parser.parse_args(arguments)
    width, height = map(int, options.size.split("x"))
    peaks: dict[int, dict[str, float]] = {}
    for count in options.counts:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_samples(count, (height, width), folder / "clean")
            peaks[count] = {stage: measure(stage, folder) for stage in ("protect", "attack", "evaluate")}
        numbers = ", ".join(f"{stage} {peak:,.0f} MB" for stage, peak in peaks[count].items())
        print(f"{count:,} pictures of {width} x {height}: {numbers}", flush=True)
    return peaks


if __name__ == "__main__":
    main()
