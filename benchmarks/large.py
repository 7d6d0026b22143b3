"""Speed and memory of crafting and fine-tuning at a real model's size, with random weights: nothing is downloaded.

    python -m benchmarks.large qwen3-vl-4b|llava-1.5-7b [--batch 16] [--side 512] [--precision bf16] [--profile --tiny]

It runs on the first card, or on the processor where there is none. The bare loop is a forward pass and an input
gradient of the same surrogate, without what a defense adds. Batches that do not fit are halved, as everywhere.
--profile: which part of the model takes the time of one such pass. --tiny: a few narrow layers, to see that it works.
Peak memory is torch's on a card; on the processor it is the process's, from its start on.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from rich.console import Console
from rich.table import Table

from attacks import REGISTRY as ATTACKS
from bench.lvlm.base import LVLM
from bench.lvlm.placement import choose_device
from bench.progress import silent
from bench.runtime import prepare, seed_everything
from bench.samples import Sample, SampleSet
from bench.spec import Budget, Method
from benchmarks.part_times import measure_parts
from benchmarks.random_models import ANSWER, QUESTION, build_random
from defenses import REGISTRY as DEFENSES
from defenses.craft.draft import Batch
from defenses.craft.pixel import PixelDefense
from defenses.craft.surrogates import attach_surrogate

CRAFTING_STEPS = 6  # a round of a default release
TRAINING_STEPS = 4  # steps that are timed, after as many to warm up
Row = dict[str, float | str]


def noise_samples(count: int, side: int) -> SampleSet:
    """Return questions about `count` square pictures of noise."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(count)]
    return SampleSet(tuple(Sample(f"s{i}", f"p{i}", pixels, QUESTION, ANSWER) for i, pixels in enumerate(pictures)))


def read_clock(device: torch.device) -> float:
    """Return the time in seconds, after a card has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def start_clock(device: torch.device) -> float:
    """Return the time and begin the peak of memory anew, because batches that did not fit do not count."""
    started = read_clock(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    return started


def row(what: str, device: torch.device, batch: int, rate: float, at_once: int) -> Row:
    """Return the row of `rate` steps a second of `batch` pictures, of which `at_once` were in memory together."""
    card = device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if card else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"what": what, "at once": at_once, "steps/s": rate, "pictures/s": rate * batch, "peak GB": peak / 1e9}


def crafting(lvlm: LVLM, batch: int, side: int) -> list[Row]:
    """Return the rows of a defense's pixel steps and of the bare loop."""
    defense = DEFENSES.build(Method(name="em", options={"image_steps": CRAFTING_STEPS, "batch": batch}))
    assert isinstance(defense, PixelDefense)
    o, rng = defense.options, np.random.default_rng(0)

    def measure(what: str, loop: Callable[[], object]) -> Row:
        loop()
        started = start_clock(lvlm.device)
        loop()
        rate = CRAFTING_STEPS / (read_clock(lvlm.device) - started)
        return row(what, lvlm.device, batch, rate, min(batch, draft.memory_limit.max_items or batch))

    with attach_surrogate(lvlm, o.inner_rank, o.inner_dropout, defense.surrogate_lr(lvlm)) as surrogate:
        draft = defense.make_draft(noise_samples(batch, side), [surrogate], Budget(), 0, rng)
        indices = list(range(batch))

        def bare(part: Sequence[int]) -> None:
            samples = Batch(draft, list(part))
            encoded, images = samples.encode(lvlm), samples.images()
            for _ in range(CRAFTING_STEPS):
                leaves = [image.clone().requires_grad_(True) for image in images]
                torch.autograd.grad(lvlm.loss(encoded, leaves).sum(), leaves)

        return [
            measure("crafting: em", lambda: defense.step_turn([Batch(draft, indices)], [surrogate], silent)),
            measure("bare loop", lambda: draft.memory_limit.map_parts(bare, indices)),
        ]


def training(lvlm: LVLM, batch: int, side: int) -> Row:
    """Return the row of the steps of `lora_sft`, with the optimiser."""
    attack = ATTACKS.build(Method(name="lora_sft", options={"epochs": 1, "batch": batch, "lr": 1e-4}))
    samples = noise_samples(2 * TRAINING_STEPS * batch, side)
    ends: list[float] = []
    sizes: list[int] = []

    def progress(fraction: float, text: str) -> None:
        ends.append(read_clock(lvlm.device) if ends else start_clock(lvlm.device))

    hook = lvlm.embedding.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    with tempfile.TemporaryDirectory() as folder:
        attack.tune(lvlm, samples, SampleSet(()), 0, Path(folder), progress)
    hook.remove()
    rate = TRAINING_STEPS / (ends[-1] - ends[-1 - TRAINING_STEPS])
    return row("training: lora_sft", lvlm.device, batch, rate, sizes[-1])


def table(title: str, rows: Sequence[Row]) -> Table:
    """Return rows with the same columns as a table for the console."""
    lines = Table(*rows[0], title=title)
    for cells in rows:
        lines.add_row(*(value if isinstance(value, str) else f"{value:.4g}" for value in cells.values()))
    return lines


def main(arguments: Sequence[str] | None = None) -> tuple[list[Row], dict[str, float]]:
    """Print the tables and return their numbers: the rows, and the share of each part with --profile."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("model", choices=["qwen3-vl-4b", "llava-1.5-7b"])
    parser.add_argument("--tiny", action="store_true", help="a few narrow layers")
    parser.add_argument("--batch", type=int, default=16, help="pictures a step")
    parser.add_argument("--side", type=int, default=512, help="side of a picture in pixels")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--profile", action="store_true", help="which part of the model takes the time")
    options = parser.parse_args(arguments)
    prepare()
    seed_everything(0)
    device = "cpu" if choose_device() == "cpu" else "cuda"
    lvlm = build_random(options.model, options.precision, device, tiny=options.tiny)
    rows = [*crafting(lvlm, options.batch, options.side), training(lvlm, options.batch, options.side)]
    fitting = int(min(float(measured["at once"]) for measured in rows))
    shares = measure_parts(lvlm, noise_samples(fitting, options.side)) if options.profile else {}
    card = torch.cuda.get_device_name() if device == "cuda" else f"processor, {torch.get_num_threads()} threads"
    tokens = lvlm.image_tokens(lvlm.layout((options.side, options.side))).count(lvlm.image_token)
    size = f"{lvlm.model.num_parameters() / 1e6:.2f} M parameters, {options.precision}, {tokens} tokens a picture"
    memory = "computes activations again" if lvlm.recomputes else "keeps activations"
    console = Console()
    console.print(f"{options.model}{' --tiny' if options.tiny else ''}: {size}; {memory}")
    console.print(f"{card}; torch {torch.__version__}, transformers {transformers.__version__}")
    console.print(table(f"batch {options.batch}, {options.side} x {options.side} pixels", rows))
    if shares:
        console.print(table("one pass", [{"part": part, "share": f"{share:.2%}"} for part, share in shares.items()]))
    return rows, shares


if __name__ == "__main__":
    main()
