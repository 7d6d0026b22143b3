"""A small version of a run: few samples, and methods with few steps."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import datasets
from bench.game.submissions.played import BUDGET, VICTIM
from bench.progress import silent
from bench.samples import Sample, SampleSet
from bench.spec import Method
from defenses import REGISTRY as DEFENSES
from defenses.base import Protected

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM

SMALL = {"rounds": 1, "image_steps": 2, "inner_steps": 2, "candidates": 2, "text_rounds": 2} | {
    "epochs": 2, "clean_epochs": 2, "trials": 2, "bridge.steps": 20, "relabel.epochs": 2,
}  # fmt: skip
"""Options that decide how long a method takes, and the most that they are here."""

COUNT, SEED = 24, 0


def few(split: str = "train") -> SampleSet:
    """Return the samples that are tried: some of a small data set, with different answers."""
    samples = datasets.load("emoji_smoke", split)
    return SampleSet(tuple(samples[:: len(samples) // COUNT]))


def protect_shortly(method: Method, samples: SampleSet) -> Protected:
    """Return a release of a defense of the suite, made in few steps."""
    from bench.lvlm.catalog import load_once

    depends = DEFENSES.describe(method).traits.depends
    models = [load_once(VICTIM)] if "surrogates" in depends else []
    defense = DEFENSES.build(shorten(method, DEFENSES.describe(method).options))
    return defense.protect(samples, models, BUDGET, np.random.default_rng(SEED), silent)


def shorten(method: Method, settings: Mapping[str, Any]) -> Method:
    """Return a method with fewer steps, where it has more."""
    most = {name: limit for name, limit in SMALL.items() if name in settings}
    shorter = {name: limit for name, limit in most.items() if (value := settings[name]) is None or value > limit}
    return Method(name=method.name, options={**method.options, **shorter})


def compute_losses(lvlm: "LVLM", samples: Sequence[Sample]) -> np.ndarray:
    """Return the NLL of each answer, (N,)."""
    import torch

    from bench.lvlm.text import Prompt
    from defenses.craft.levels import to_levels

    losses = []
    with torch.no_grad():
        for sample in samples:
            images = [to_levels(sample.pixels)]
            encoded = lvlm.encode([Prompt(sample.question, sample.answer)], lvlm.layouts(images))
            losses.append(float(lvlm.loss(encoded, images)))
    return np.array(losses)
