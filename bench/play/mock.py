"""Check what a submission does on a few samples, in seconds. Nothing is kept, and no row is written.

The rules and the sandbox are those of real runs; the samples are few, and so are the steps of what is crafted or
trained.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench import datasets, sandbox
from bench.errors import UserError, printable
from bench.game.submissions.played import BUDGET, DATASET, VICTIM, identify, know_code, name_attack
from bench.game.submissions.schema import Attack, Code, Entry, Release
from bench.play.check import Check
from bench.play.mock_attack import check_attack
from bench.play.small import COUNT, SEED, compute_losses, few, protect_shortly
from bench.samples import Sample, SampleSet
from bench.sandbox.limits import read_seconds
from bench.spec import Budget, Method
from bench.stages.fidelity import check_release, inserted_words
from defenses import REGISTRY as DEFENSES
from defenses.base import Protected

LEAST = 1e-3
"""Nats by which the loss of a sample changes at least, in the mean, where there is an effect."""


def mock(entry: Entry, file: Path) -> Iterator[Check]:
    """Yield the checks of a submission, whose YAML file is `file`, while they are made.

    Raises UserError for one that is not valid.
    """
    played = identify(entry, file)
    method = played.defenses[0]
    if isinstance(entry, Release):
        yield from _check_release_of(entry, file.parent)
    elif isinstance(entry, Code):
        yield from _check_code(file.parent / entry.file, entry.options)
    elif isinstance(entry, Attack):
        with know_code(entry, played):
            yield from check_attack(name_attack(entry), method)
    else:
        yield from check_configured(method)


def check_configured(method: Method) -> Iterator[Check]:
    """Yield the checks of a defense of `bench list`, crafted in few steps; one of another package in the sandbox."""
    from bench.lvlm.catalog import load_once

    if DEFENSES.sandboxed(method.name):
        yield from _check_code(method.name, method.options)
        return
    load_once(VICTIM)
    samples = few()
    yield from _check_protect(samples, lambda: [protect_shortly(method, samples) for _ in range(2)], method)


def _check_code(code: Path | str, options: Mapping[str, Any]) -> Iterator[Check]:
    """Check code, a file or an installed defense, in the sandbox with its share of the time for the whole data set."""
    samples, all_samples = few(), datasets.load(DATASET, "train")
    seconds = max(1, read_seconds() * len(samples) // len(all_samples))
    limits = sandbox.Limits()._replace(seconds=seconds)
    try:
        facts = sandbox.describe(code, options, limits)
    except UserError as error:
        yield Check("loads", str(error), wrong=True)
        return
    settings = ", ".join(f"{key}={value}" for key, value in facts.options.items())
    yield Check("loads", f"sandbox: {sandbox.name()}; options: {settings or 'none'}")
    models = (VICTIM,) if "surrogates" in facts.traits.depends else ()

    def protect(_: int) -> Protected:
        return sandbox.protect(code, options, samples, models, BUDGET, SEED, limits=limits)

    def protect_twice() -> Sequence[Protected]:
        with ThreadPoolExecutor(2) as pool:  # most of the time is the start of a process
            return list(pool.map(protect, range(2)))

    yield from _check_protect(samples, protect_twice)


def _check_protect(
    samples: SampleSet, protect_twice: Callable[[], Sequence[Protected]], method: Method | None = None
) -> Iterator[Check]:
    """Check a release that is made here, and that it can be made again, bit for bit."""
    started = time.monotonic()
    try:
        first, second = (protected.samples for protected in protect_twice())
    except UserError as error:
        yield Check("runs", str(error), wrong=True)
        return
    yield Check("runs", f"{time.monotonic() - started:.1f} s for {len(samples)} samples, twice")
    control = method is not None and method.name in DEFENSES.controls
    if not (yield from _check_release(samples, first, BUDGET, control)):
        return
    differ = sum(not _same(a, b) for a, b in zip(first, second, strict=False))
    text = f"{differ} of {len(samples)} samples are others the second time; allowed: all the same, with the same seed"
    yield Check("repeats", text if differ else "the same release the second time", wrong=differ > 0)
    yield from _check_loss(samples, first)


def _check_release_of(entry: Release, folder: Path) -> Iterator[Check]:
    """Check a release that was made elsewhere: all of it, but the loss of some samples."""
    origin = entry.made_for
    samples = datasets.load(origin.dataset, "train")
    try:
        released = SampleSet.load(folder / "release")
    except UserError as error:
        yield Check("pictures", str(error), wrong=True)
        return
    if (yield from _check_release(samples, released, origin.budget)):
        step = max(1, len(samples) // COUNT)
        yield from _check_loss(samples[::step], released[::step])


def _check_release(
    samples: SampleSet, released: SampleSet, budget: Budget, control: bool = False
) -> Generator[Check, None, bool]:
    """Check what was changed, as an audit does. Returns False where more than pictures and questions was."""
    try:
        check_release(samples, released, control)
    except UserError as error:
        yield Check("answers", str(error), wrong=True)
        return False
    yield Check("answers", "ids, order and sizes are kept" if control else "ids, order, answers and sizes are kept")
    pairs = list(zip(samples, released, strict=True))
    levels = [int(np.abs(a.pixels.astype(int) - b.pixels).max()) for a, b in pairs]
    words = [len(inserted_words(a, b)) for a, b in pairs]
    for name, values, unit, limit in (
        ("pictures", levels, "levels", budget.epsilon),
        ("words", words, "words", budget.words),
    ):
        most, worst = max(values), pairs[values.index(max(values))][0].id
        most_of = f"{most} {unit}" + (f" ({printable(worst)})" if most > limit else "")
        text = f"{sum(map(bool, values))} of {len(pairs)} changed, by at most {most_of}; allowed: {limit}"
        yield Check(name, text, wrong=max(values) > limit)
    if not any(levels) and not any(words):
        yield Check("changes", "no picture and no question is changed; allowed: a release that differs", wrong=True)
    return True


def _check_loss(samples: Sequence[Sample], released: Sequence[Sample]) -> Iterator[Check]:
    """Check that the victim sees a difference, before it is trained."""
    from bench.lvlm.catalog import load_once

    victim = load_once(VICTIM)
    before, after = compute_losses(victim, samples), compute_losses(victim, released)
    change = float(np.abs(after - before).mean())
    text = f"{before.mean():.3f} with clean samples and {after.mean():.3f} with the release, of {VICTIM}"
    yield Check("loss", text if change >= LEAST else f"no effect: {text}", wrong=change < LEAST)


def _same(a: Sample, b: Sample) -> bool:
    return a.question == b.question and np.array_equal(a.pixels, b.pixels)
