"""Train with an attack whose tuner or parts are the code of others. Only an adapter and a curve return."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from attacks.base import AttackTraits
from attacks.originals import draw_originals
from attacks.parts import Knowledge
from bench.methods.registry import REGISTRIES
from bench.progress import Progress, silent
from bench.samples import SampleSet
from bench.sandbox.adapter import MIN_BYTES, Curve, read_trained, save_trained
from bench.sandbox.limits import Limits, choose_limits
from bench.sandbox.prepare import Job, find_checkpoint, play
from bench.spec import Method

CHECKING = Lock()
"""One adapter at a time is checked: the model that it is tried on is changed meanwhile."""


class Data(NamedTuple):
    """The samples of a trainer: the release, their own clean data, and `held`, as the fields of `Knowledge`."""

    released: SampleSet
    validation: SampleSet
    held: Mapping[str, SampleSet] = {}


def attack(
    method: Method,
    traits: AttackTraits,
    victim: str,
    load: Callable[[], Data],
    places: Collection[str],
    seed: int,
    folder: Path,
    progress: Progress = silent,
    limits: Limits | None = None,
) -> Curve:
    """Write the adapters that an attack with foreign code gets from a release into a folder, and return its curve.

    traits: those of the attack. They say which samples `load`, which is called while the process starts, has to hold,
    and the share of the owner's pictures that are handed over; the others are as they were released. places: the
    folders of adapters, "" for the folder itself. Of the trainer's own validation data the questions and pictures are
    handed over, and no answer. Raises UserError, in one line, for an error of the code, for going over a limit, for an
    adapter that does not fit the victim, and where there is no sandbox.
    """
    weights = list(find_checkpoint(victim).glob("*.safetensors"))
    size = max(MIN_BYTES, 2 * sum(file.stat().st_size for file in weights))

    def hand_over() -> dict[str, SampleSet]:
        released, validation, held = load()
        given = {"released": released, "validation": hide_answers(validation), **held}
        if "owner" in held:
            given["owner"] = _hand_over(held["owner"], released, traits.clean_share, seed)
        return given

    task = {"task": "attack", "seed": seed, "held": sorted(traits.needs), "places": sorted(places)}
    terms = REGISTRIES["attack"].foreign(method.name)
    job = Job("attack", method, terms, task, models=(victim,), samples=hand_over)
    trained = play(job, limits or choose_limits(weights), lambda stream: read_trained(stream, places, size, progress))
    from bench.lvlm.catalog import load_once  # not earlier: its import takes as long as the start of a process

    with CHECKING:
        save_trained(trained, load_once(victim), folder)
    return trained.curve


def hide_answers(samples: SampleSet) -> SampleSet:
    """Return the samples without their answers."""
    return SampleSet(tuple(s.change(answer="", answers=()) for s in samples))


def _hand_over(owner: SampleSet, released: SampleSet, share: float, seed: int) -> SampleSet:
    """Return the owner's clean samples of the share that `draw_originals` draws; the others as they were released."""
    knowledge = Knowledge(None, released, owner=owner)  # type: ignore[arg-type]
    drawn = {s.image_id for s in draw_originals(knowledge, share, np.random.default_rng(seed))} if share else set()
    return SampleSet(tuple(a if a.image_id in drawn else b for a, b in zip(owner, released, strict=True)))
