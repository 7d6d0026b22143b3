"""Each stage as a payload that names its artefact, and the work that fills it. Torch is imported by work alone."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import datasets
from bench.datasets.source import source as dataset_source
from bench.samples import SampleSet
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL, Method, RunSpec
from bench.store.artifacts import Artifact, make
from bench.threat import surrogates
from bench.victims import revision

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM

Progress = Callable[[float, str], None]


@cache
def model(name: str) -> "LVLM":
    """A loaded LVLM; once a process."""
    from bench.lvlm.catalog import load
    from bench.runtime import prepare

    prepare()
    return load(name)


def dataset(name: str, split: str) -> Artifact:
    """The rendered data set, as files."""
    payload = {"protocol": PROTOCOL, "dataset": name, "split": split, "source": dataset_source(name)}

    def work(folder: Path) -> None:
        datasets.load(name, split).save(folder)

    return make("dataset", payload, work)


def protect(spec: RunSpec, progress: Progress) -> Artifact:
    """The release of `spec.defense`."""
    from defenses import REGISTRY

    defense = REGISTRY.build(spec.defense)
    train = dataset(spec.dataset, "train")
    names = surrogates(spec.victim, spec.threat)
    owner = {
        "surrogates": [[name, revision(name)] for name in names],
        "budget": spec.budget.model_dump(),
        "seed": spec.seed,
    }
    payload = {
        "protocol": PROTOCOL,
        "dataset": train.identity,
        "defense": defense.name,
        "options": defense.options.model_dump(),
        "source": defense.source(),
        **{key: owner[key] for key in sorted(defense.depends)},
    }

    def work(folder: Path) -> dict[str, float]:
        loaded = [model(name) for name in names] if "surrogates" in defense.depends else []
        rng = np.random.default_rng(spec.seed)
        done = defense.protect(SampleSet.load(train.folder), loaded, spec.budget, rng, progress)
        done.samples.save(folder)
        write(folder / "log.json", done.log)
        return {"image_steps": float(done.log.get("image_steps", 0))}

    return make("protect", payload, work)


def audit(spec: RunSpec, release: Artifact) -> Artifact:
    """Stealth of a release; refuses what is over budget."""
    train = dataset(spec.dataset, "train")
    payload = {"protocol": PROTOCOL, "original": train.identity, "release": release.identity}

    def work(folder: Path) -> None:
        from bench.stages.audit import audit as measure

        report = measure(SampleSet.load(train.folder), SampleSet.load(release.folder), spec.budget)
        write(folder / "audit.json", report)

    return make("audit", {**payload, "budget": spec.budget.model_dump()}, work)


def attack(spec: RunSpec, release: Artifact, method: Method, progress: Progress) -> Artifact | None:
    """The adapter that the trainer gets from a release; None for an attack that does not train."""
    from attacks import REGISTRY

    trainer = REGISTRY.build(method)
    if not trainer.trains:
        return None
    own = dataset(spec.dataset, "validation")
    payload = {
        "protocol": PROTOCOL,
        "release": release.identity,
        "validation": own.identity,
        "attack": trainer.name,
        "options": trainer.options.model_dump(),
        "source": trainer.source(),
        "victim": [spec.victim, revision(spec.victim)],
        "seed": spec.seed,
    }

    def work(folder: Path) -> None:
        rng = np.random.default_rng(spec.seed)
        prepared = trainer.prepare(SampleSet.load(release.folder), rng)
        validation = SampleSet.load(own.folder)
        curve = trainer.tune(model(spec.victim), prepared, validation, spec.seed, folder, progress)
        write(folder / "curve.json", curve)

    return make("attack", payload, work)


def evaluate(spec: RunSpec, adapter: Artifact | None, split: str, progress: Progress) -> Artifact:
    """Every answer of the victim, with the adapter, to a clean split."""
    questions = dataset(spec.dataset, split)
    payload = {
        "protocol": PROTOCOL,
        "evaluator": EVALUATOR,
        "questions": questions.identity,
        "adapter": adapter.identity if adapter else None,
        "victim": [spec.victim, revision(spec.victim)],
    }

    def work(folder: Path) -> None:
        from bench.lvlm.adapters import wearing
        from bench.stages.evaluate import evaluate as ask

        victim = model(spec.victim)
        with wearing(victim, adapter.folder if adapter else None):
            table = ask(victim, spec.dataset, split, progress)
        table.to_parquet(folder / "predictions.parquet")
        write(folder / "metrics.json", {"accuracy": float(table["correct"].mean()), "items": len(table)})

    return make("evaluate", payload, work)


def write(file: Path, value: Any) -> None:
    """JSON with sorted keys."""
    file.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
