"""Check what an attack does on a few samples, in seconds."""

import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from attacks import REGISTRY as ATTACKS
from attacks.base import AttackTraits
from attacks.parts import Knowledge
from bench import sandbox
from bench.errors import UserError
from bench.game.submissions.played import VICTIM
from bench.play.check import Check
from bench.play.small import SEED, compute_losses, few, protect_shortly, shorten
from bench.progress import silent
from bench.samples import SampleSet
from bench.spec import Method
from defenses import REGISTRY as DEFENSES


def check_attack(method: Method, defense: Method) -> Iterator[Check]:
    """Check an attack in few steps, on a release that was crafted in few steps."""
    described = ATTACKS.describe(method)
    traits, foreign = described.traits, bool(ATTACKS.foreign(method.name))
    counts = "" if traits.knowledge <= "K2" else ", so it does not count against the adaptive protection"
    yield Check("knowledge", f"{traits.knowledge}{counts}")
    if not traits.trains or method.name in ATTACKS.controls:
        yield Check("trains", f"{method.name} is a control; allowed: an attack that learns from a release", wrong=True)
        return
    is_here = defense.name in DEFENSES.catalog and not DEFENSES.sandboxed(defense.name)  # others are not played
    short, started = shorten(method, described.options), time.monotonic()
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(3) as pool:
        folders = [Path(place, name) for name in ("first", "second")]
        making = pool.submit(_make_data, defense if is_here else None, traits.needs)
        try:
            if foreign:
                samples = _train_in_sandbox(short, traits, making, folders, pool)
            else:
                samples = _train(short, making.result(), folders)
        except UserError as error:
            yield Check("runs", str(error), wrong=True)
            return
        count = len(making.result().released)
        if not samples:
            yield Check("samples", f"none of {count} are left by the parts; allowed: some", wrong=True)
            return
        weights = [b"".join(f.read_bytes() for f in sorted(folder.glob("*.safetensors"))) for folder in folders]
        before, after = _compare_losses(samples, folders[1])
    where = f"in the release of {defense.name}" if is_here else "clean ones"
    handed, left = f"{count} {where}", f"{len(samples)} to train on, of "
    yield Check("samples", f"{handed} are handed over" if foreign else left + handed)
    yield Check("runs", f"{time.monotonic() - started:.1f} s for a few steps, twice")
    same = weights[0] == weights[1]
    text = "the same weights the second time" if same else "other weights the second time; allowed: the same"
    yield Check("repeats", text, wrong=not same)
    falls = after < before
    text = f"{before:.3f} before and {after:.3f} after the training, of {VICTIM}"
    yield Check("loss", text if falls else f"{text}; allowed: one that falls", wrong=not falls)


def _make_data(defense: Method | None, needs: Collection[str]) -> sandbox.Data:
    """Return the samples of a trainer: a release that was crafted in few steps, of `None` the clean samples."""
    clean, validation = few(), few("validation")
    held: dict[str, SampleSet] = {"owner": clean} if "owner" in needs else {}
    if "queried" in needs:
        held["queried"] = protect_shortly(defense, validation).samples if defense else validation
    return sandbox.Data(protect_shortly(defense, clean).samples if defense else clean, validation, held)


def _train(method: Method, data: sandbox.Data, folders: Sequence[Path]) -> SampleSet:
    """Train into each folder, and return the samples that were trained on."""
    from bench.lvlm.catalog import load_once

    attack, knowledge = ATTACKS.build(method), Knowledge(load_once(VICTIM), data.validation, **data.held)
    samples = SampleSet(())
    for folder in folders:
        folder.mkdir()
        samples = attack.prepare(data.released, knowledge, np.random.default_rng(SEED))
        if samples:
            attack.tune(knowledge.victim, samples, data.validation, SEED, folder, silent)
    return samples


def _train_in_sandbox(
    method: Method, traits: AttackTraits, making: Future[sandbox.Data], folders: Sequence[Path], pool: Executor
) -> SampleSet:
    """Train into each folder with the code of others, and return the release. Both start while the data are made."""

    def train(folder: Path) -> None:
        folder.mkdir()
        sandbox.attack(method, traits, VICTIM, making.result, {""}, SEED, folder)

    list(pool.map(train, folders))
    return making.result().released


def _compare_losses(samples: SampleSet, adapter: Path) -> tuple[float, float]:
    """Return the mean loss of samples without and with an adapter."""
    from bench.lvlm.adapters import use_adapter
    from bench.lvlm.catalog import load_once

    victim = load_once(VICTIM)
    before = compute_losses(victim, samples).mean()
    with use_adapter(victim, adapter):
        return float(before), float(compute_losses(victim, samples).mean())
