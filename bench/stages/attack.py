"""ATTACK: the adapter that a trainer gets from a release.

A training is an artefact of its own, named by the samples that it sees. So attacks whose parts end with the same
samples share one: where no words were inserted, dropping them changes nothing, and nothing is trained twice.

An attack with code of others, of a package or of an entry, trains in a sandbox (`bench.sandbox`).
"""

import json
import os
import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np

from bench import sandbox, victims
from bench.progress import Progress
from bench.samples import SampleSet
from bench.spec import PROTOCOL, Method, RunSpec
from bench.stages import dataset, protect
from bench.stages.stage import Stage, name_stage
from bench.store import artifacts
from bench.store.checksums import MANIFEST

SANDBOX = "sandbox.json"
"""The file of an attack with code of others that names the sandbox it ran in, or "none"."""


def stage(spec: RunSpec, release: Stage, method: Method) -> Stage | None:
    """Return the stage of an attack on a release, or None for an attack that does not train."""
    from attacks import REGISTRY

    attack = REGISTRY.describe(method)
    if not attack.traits.trains:
        return None
    validation = dataset.stage(spec.dataset, "validation")
    knowledge: dict[str, Stage] = {}
    if "owner" in attack.traits.needs:
        knowledge["owner"] = dataset.stage(spec.dataset, "train")
    if "queried" in attack.traits.needs:
        knowledge["queried"] = protect.stage(spec, "validation", attack.traits.queries)
    foreign = bool(REGISTRY.foreign(method.name))
    payload = {
        "release": release.identity,
        "validation": validation.identity,
        "attack": method.name,
        "options": attack.options,
        "source": attack.code,
        "victim": [spec.victim, victims.revision(spec.victim)],
        "recipe": victims.recipe_of(spec.victim).values,
        "seed": spec.seed,
        **{field: stage.identity for field, stage in knowledge.items()},
        **({"sandbox": "none"} if foreign and sandbox.allows_unsafe() else {}),
    }
    work = partial(_work_in_sandbox if foreign else _work, spec, release, validation, knowledge, method)
    needs = (validation, release, *knowledge.values())
    return name_stage("attack", f"{method.name} on {release.title}", payload, work, needs, (spec.victim,))


def _work(
    spec: RunSpec,
    release: Stage,
    validation: Stage,
    knowledge: dict[str, Stage],
    method: Method,
    folder: Path,
    progress: Progress,
) -> dict[str, float]:
    from attacks import REGISTRY
    from attacks.parts import Knowledge
    from bench.lvlm.catalog import load_once

    started = time.monotonic()
    attack, rng, victim = REGISTRY.build(method), np.random.default_rng(spec.seed), load_once(spec.victim)
    clean = SampleSet.load(validation.folder)
    known = Knowledge(victim, clean, **{field: SampleSet.load(stage.folder) for field, stage in knowledge.items()})
    prepared = attack.prepare(SampleSet.load(release.folder), known, rng)
    seconds = time.monotonic() - started

    def train(draft: Path) -> None:
        _write_curve(attack.tune(victim, prepared, clean, spec.seed, draft, progress), draft)

    payload = {
        "protocol": PROTOCOL,
        "samples": prepared.digest,
        "validation": validation.identity,
        "training": attack.training,
        "victim": [spec.victim, victims.revision(spec.victim)],
        "recipe": victim.recipe.values,
        "seed": spec.seed,
    }
    training = artifacts.make("training", payload, train)
    shutil.copytree(
        training.folder, folder, ignore=shutil.ignore_patterns(MANIFEST), copy_function=os.link, dirs_exist_ok=True
    )
    return {"seconds": round(seconds + (training.cost["seconds"] or 0), 3)}


def _work_in_sandbox(
    spec: RunSpec,
    release: Stage,
    validation: Stage,
    knowledge: dict[str, Stage],
    method: Method,
    folder: Path,
    progress: Progress,
) -> None:
    """Train with the code of others, in a sandbox."""
    from attacks import REGISTRY

    traits = REGISTRY.describe(method).traits
    places = {"", *traits.checkpoints.get(victims.recipe_of(spec.victim).name, {}).values()}

    def load() -> sandbox.Data:
        held = {field: SampleSet.load(stage.folder) for field, stage in knowledge.items()}
        return sandbox.Data(SampleSet.load(release.folder), SampleSet.load(validation.folder), held)

    curve = sandbox.attack(method, traits, spec.victim, load, places, spec.seed, folder, progress)
    _write_curve(curve, folder)
    (folder / SANDBOX).write_text(json.dumps({"attack_sandbox": sandbox.name()}), encoding="utf-8")


def _write_curve(curve: list[dict[str, float]], folder: Path) -> None:
    (folder / "curve.json").write_text(json.dumps(curve, indent=1, sort_keys=True), encoding="utf-8")
