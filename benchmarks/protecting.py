"""Seconds of `bench protect` compared with the bare gradient loop of its pictures.

    python -m benchmarks.protecting [VICTIM]

A folder of pictures is read, protected by `em` with 12 pixel steps, written, checked and reported, all in this process;
the bare loop takes as many forward passes with input gradients on the same pictures in memory. A release with a single
step tells what a step alone costs. Seconds are of the processor, so that other work on the machine does not count; the
works take turns, and the ratios are of medians.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.api import protect
from bench.lvlm import catalog
from bench.lvlm.text import Prompt
from bench.runtime import prepare
from benchmarks.crafting import median_seconds, take_bare_steps
from benchmarks.owner import write_folder
from defenses.craft.levels import to_levels

COUNT, BATCH, STEPS = 64, 32, 12


def main(name: str) -> None:
    """Print the ratios."""
    prepare()
    victim = catalog.load_once(name)
    with tempfile.TemporaryDirectory() as place:
        mine = Path(place, "mine")
        write_folder(mine, COUNT)
        images = [to_levels(np.asarray(Image.open(file))) for file in sorted(mine.glob("*.png"))]
        encoded = victim.encode([Prompt("What is this?", "thing 1")] * BATCH, victim.layouts(images[:BATCH]))

        def bare() -> None:
            for start in range(0, COUNT, BATCH):
                take_bare_steps(victim, encoded, images[start : start + BATCH], STEPS)

        def command(steps: int) -> Callable[[], object]:
            def work() -> None:
                with tempfile.TemporaryDirectory(dir=place) as out:
                    options = {"rounds": 1, "inner_steps": 0, "image_steps": steps, "batch": BATCH}
                    protect(mine, Path(out, "release"), "em", surrogates=[name], options=options)

            return work

        seconds = median_seconds({"bare": bare, "one step": command(1), "protect": command(STEPS)})
    step = (seconds["protect"] - seconds["one step"]) / (STEPS - 1)
    print(f"{name}, {COUNT} pictures, batch {BATCH}, {torch.get_num_threads()} threads")
    print(f"bare loop                       {COUNT * STEPS / seconds['bare']:.0f} picture-steps a second")
    print(f"bench protect, whole            {seconds['protect'] / seconds['bare']:.2f} of the bare loop")
    print(f"bench protect, a step alone     {step * STEPS / seconds['bare']:.2f} of the bare loop")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
