"""PROTECT: the release that a defense makes of a data set.

A trainer who may query the protector has it protect samples of their own. The protector draws anew for a query: one
that repeated the release's own random choices would hand over noise that no pair of pictures could teach.

The code of others, from an installed package or a code entry, runs in a sandbox (`bench.sandbox`).
"""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench import sandbox, victims
from bench.errors import UserError
from bench.game.threat import surrogates
from bench.progress import Progress
from bench.samples import SampleSet
from bench.spec import RunSpec, identity
from bench.stages import dataset
from bench.stages.fidelity import check_release, show_ascii
from bench.stages.stage import Stage, name_stage
from bench.store.unfinished import keep_parts

if TYPE_CHECKING:
    from defenses.base import Protected

SANDBOX = "sandbox.json"
"""The file of a release of foreign code that names the sandbox it was made in, or "none"."""


def stage(spec: RunSpec, split: str = "train", count: int | None = None) -> Stage:
    """Return the release of `spec.defense`: of the owner's data, or of `count` samples that a trainer has protected."""
    from defenses import REGISTRY

    defense, method = spec.defense.name, REGISTRY.describe(spec.defense)
    depends, code = method.traits.depends, REGISTRY.sandboxed(defense)
    data = dataset.stage(spec.dataset, split)
    names = surrogates(spec.victim, spec.threat, spec.surrogates)
    owner = {
        "surrogates": [[name, victims.revision(name), victims.recipe_of(name).lora_lr] for name in names],
        "budget": spec.budget.model_dump(),
        "seed": seed_of(spec, count),
    }
    payload = {
        "dataset": data.identity,
        "defense": defense,
        "options": method.options,
        "source": method.code,
        **{key: owner[key] for key in depends},
        **({} if count is None else {"count": count}),
        **({"sandbox": "none"} if code is not None and sandbox.allows_unsafe() else {}),
    }
    models = names if "surrogates" in depends else ()
    key = identity(payload)
    title = defense if count is None else f"{defense} on {count} of the trainer's own"
    return name_stage("protect", title, payload, partial(_work, spec, data, count, models, code, key), (data,), models)


def _work(
    spec: RunSpec,
    data: Stage,
    count: int | None,
    models: tuple[str, ...],
    code: Path | str | None,
    key: str,
    folder: Path,
    progress: Progress,
) -> dict[str, float]:
    samples = SampleSet.load(data.folder)
    if count is not None:
        samples = draw_queries(samples, count)
    seed = seed_of(spec, count)
    with keep_parts(key) as parts:
        if code is None:
            protected = _protect(spec, models, samples, seed, parts, progress)
        else:
            protected = sandbox.protect(code, spec.defense.options, samples, models, spec.budget, seed, progress)
            (folder / SANDBOX).write_text(json.dumps({"sandbox": sandbox.name()}), encoding="utf-8")
        log, image_steps = _check(spec.defense.name, protected, samples)
        protected.samples.save(folder)
        (folder / "log.json").write_text(log, encoding="utf-8")
    return {"image_steps": image_steps}


def _protect(
    spec: RunSpec, models: tuple[str, ...], samples: SampleSet, seed: int | list[int], parts: Path, progress: Progress
) -> "Protected":
    """Return the release that a defense of the suite makes in this process. Its finished turns are in `parts`."""
    from bench.lvlm.catalog import load_once
    from defenses import REGISTRY
    from defenses.craft.turns import keep_turns

    defense, rng = REGISTRY.build(spec.defense), np.random.default_rng(seed)
    with keep_turns(parts):
        return defense.protect(samples, [load_once(name) for name in models], spec.budget, rng, progress)


def _check(name: str, protected: object, original: SampleSet) -> tuple[str, float]:
    """Return a release's log as JSON, and the steps that it counts.

    Raises UserError, with the defense's name, for a release that could not be written or that no audit would pass.
    """
    from defenses import REGISTRY
    from defenses.base import Protected

    if not isinstance(protected, Protected):
        raise UserError(f"defense {name!r}: protect returned {show_ascii(protected)}; allowed: Protected(samples, log)")
    try:
        check_release(original, protected.samples, control=name in REGISTRY.controls)
    except UserError as error:
        raise UserError(f"defense {name!r}: {error}") from None
    try:
        log = json.dumps(protected.log, indent=1, sort_keys=True)
        return log, float(protected.log.get("image_steps", 0))
    except (TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise UserError(
            f"defense {name!r}: log: {show_ascii(error)}; allowed: a dictionary that JSON can write"
        ) from None


def seed_of(spec: RunSpec, count: int | None) -> int | list[int]:
    """Return the seed of the release, or of a query for `count` samples, which shares no random choice with it."""
    return spec.seed if count is None else [spec.seed, count, *b"query"]


def draw_queries(samples: SampleSet, count: int) -> SampleSet:
    """Return `count` of the samples in their order, drawn with a fixed seed.

    Raises UserError where there are fewer: a trainer who asks with 24 pictures is not one who asks with 64.
    """
    if count > len(samples):
        raise UserError(f"queries: {count} of the trainer's own samples; allowed: {len(samples)}, all that they have")
    drawn = np.random.default_rng(count).permutation(len(samples))[:count]
    return SampleSet(tuple(samples[i] for i in sorted(drawn.tolist())))
