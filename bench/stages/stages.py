"""The stages of a run, named and not yet computed. Torch is imported by their work alone."""

import json
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import datasets
from bench.datasets.source import source as dataset_source
from bench.errors import UserError
from bench.game.threat import surrogates
from bench.samples import SampleSet
from bench.scoring import learning_curve
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL, Method, RunSpec
from bench.stages.stage import Progress, Stage
from bench.victims import revision

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM

CLEAN = Method(name="lora_sft")
"""The plain recipe that the clean reference is trained with, unless the attack tunes its own."""

NOTHING = Method(name="none")

References = dict[tuple[str, str, int, str], dict[str, Stage | None]]
"""Stages by role, for each data set, victim, seed, and attack on the clean data as JSON."""


@cache
def model(name: str) -> "LVLM":
    """A loaded LVLM; once a process."""
    from bench.lvlm.catalog import load
    from bench.runtime import prepare

    prepare()
    return load(name)


def stages(spec: RunSpec, known: References | None = None) -> dict[str, Stage]:
    """Every stage of a run and of its references by role, in order; `attack` is absent where nothing is trained.

    `known`: references that were named before and are shared, for those who name thousands of runs; it is added to.
    """
    plain, known = reference(spec.attack), {} if known is None else known
    shared = (spec.dataset, spec.victim, spec.seed, plain.model_dump_json())
    if shared not in known:
        known[shared] = _references(spec, plain)
    release = protect(spec)
    adapter = attack(spec, release, spec.attack)
    points = {
        learning_curve.role(role, epoch): evaluate(spec, adapter, split, place)
        for epoch, place in checkpoints(spec.attack).items()
        for role, split in (("evaluate", "test"), ("validation", "validation"))
    }
    roles = {
        **known[shared],
        "protect": release,
        "audit": audit(spec, release),
        "attack": adapter,
        "evaluate": evaluate(spec, adapter, "test"),
        "validation": evaluate(spec, adapter, "validation"),
        **points,
    }
    return {role: stage for role, stage in roles.items() if stage is not None}


def _references(spec: RunSpec, plain: Method) -> dict[str, Stage | None]:
    """What a run is compared with: it hangs on data set, victim and seed, and on how the clean data are trained on."""
    original = protect(spec.model_copy(update={"defense": NOTHING}))
    clean = attack(spec, original, plain)
    return {
        "original": original,
        "zero": evaluate(spec, None, "test"),
        "clean_attack": clean,
        "clean": evaluate(spec, clean, "test"),
    }


def reference(method: Method) -> Method:
    """What the clean reference of an attack is trained with: a search has the same budget on clean data."""
    from attacks import REGISTRY

    return method if REGISTRY.describe(method).traits.tunes else CLEAN


def checkpoints(method: Method) -> dict[str, str]:
    """See `attacks.base.Attack.checkpoints`."""
    from attacks import REGISTRY

    return REGISTRY.describe(method).traits.checkpoints


def dataset(name: str, split: str) -> Stage:
    """The rendered data set, as files."""
    return _dataset_stage(name, split, dataset_source(name), PROTOCOL)


@cache
def _dataset_stage(name: str, split: str, source: str, protocol: int) -> Stage:
    # What a person calls data of their own changes nothing: a renamed folder keeps its artefacts.
    named = "own" if datasets.own.is_own(name) else name
    payload = {"protocol": protocol, "dataset": named, "split": split, "source": source}
    return Stage("dataset", f"{name}, {split}", payload, partial(_dataset, name, split))


def _dataset(name: str, split: str, folder: Path, progress: Progress) -> None:
    datasets.load(name, split).save(folder)


def protect(spec: RunSpec, split: str = "train", count: int | None = None) -> Stage:
    """The release of `spec.defense`: of the owner's data, or of `count` samples of a split that somebody asks for."""
    from defenses import REGISTRY

    name, method = spec.defense.name, REGISTRY.describe(spec.defense)
    depends = method.traits.depends
    data = dataset(spec.dataset, split)
    victims = surrogates(spec.victim, spec.threat, spec.surrogates)
    owner = {
        "surrogates": [[victim, revision(victim)] for victim in victims],
        "budget": spec.budget.model_dump(),
        "seed": spec.seed,
    }
    payload = {
        "protocol": PROTOCOL,
        "dataset": data.identity,
        "defense": name,
        "options": method.options,
        "source": method.code,
        **{key: owner[key] for key in depends},
        **({} if count is None else {"count": count}),
    }
    models = victims if "surrogates" in depends else ()
    title = name if count is None else f"{name} on {count} of the trainer's own"
    return Stage("protect", title, payload, partial(_protect, spec, data, count, models), (data,), models)


def _protect(
    spec: RunSpec, data: Stage, count: int | None, models: tuple[str, ...], folder: Path, progress: Progress
) -> dict[str, float]:
    from defenses import REGISTRY

    defense, rng = REGISTRY.build(spec.defense), np.random.default_rng(spec.seed)
    loaded = [model(name) for name in models]
    samples = some(SampleSet.load(data.folder), count)
    done = defense.protect(samples, loaded, spec.budget, rng, progress)
    done.samples.save(folder)
    write(folder / "log.json", done.log)
    return {"image_steps": float(done.log.get("image_steps", 0))}


def some(samples: SampleSet, count: int | None) -> SampleSet:
    """`count` of the samples in their order, drawn with a fixed seed; all of them for None.

    Raises UserError where there are fewer: a trainer who asks with 24 pictures is not one who asks with 64.
    """
    if count is None:
        return samples
    if count > len(samples):
        raise UserError(f"queries: {count} of the trainer's own samples; allowed: {len(samples)}, all that he has")
    drawn = np.random.default_rng(count).permutation(len(samples))[:count]
    return SampleSet(tuple(samples[i] for i in sorted(drawn.tolist())))


def audit(spec: RunSpec, release: Stage) -> Stage:
    """Stealth of a release; refuses what is over budget."""
    train = dataset(spec.dataset, "train")
    payload = {
        "protocol": PROTOCOL,
        "original": train.identity,
        "release": release.identity,
        "budget": spec.budget.model_dump(),
    }
    return Stage("audit", release.title, payload, partial(_audit, spec, train, release), (train, release))


def _audit(spec: RunSpec, train: Stage, release: Stage, folder: Path, progress: Progress) -> None:
    from bench.stages.audit import audit as measure
    from defenses import REGISTRY

    original, released = SampleSet.load(train.folder), SampleSet.load(release.folder)
    control = spec.defense.name in REGISTRY.controls
    write(folder / "audit.json", measure(original, released, spec.budget, control))


def attack(spec: RunSpec, release: Stage, method: Method) -> Stage | None:
    """The adapter that the trainer gets from a release; None for an attack that does not train."""
    from attacks import REGISTRY

    trainer = REGISTRY.describe(method)
    if not trainer.traits.trains:
        return None
    own = dataset(spec.dataset, "validation")
    payload = {
        "protocol": PROTOCOL,
        "release": release.identity,
        "validation": own.identity,
        "attack": method.name,
        "options": trainer.options,
        "source": trainer.code,
        "victim": [spec.victim, revision(spec.victim)],
        "seed": spec.seed,
    }
    needs = trainer.traits.needs
    knows: dict[str, Stage] = {}
    if "owner" in needs:
        knows["owner"] = dataset(spec.dataset, "train")
    if "queried" in needs:
        knows["queried"] = protect(spec, "validation", trainer.traits.queries)
    payload |= {field: stage.identity for field, stage in knows.items()}
    work = partial(_attack, spec, release, own, knows, method)
    stands_on = (own, release, *knows.values())
    return Stage("attack", f"{method.name} on {release.title}", payload, work, stands_on, (spec.victim,))


def _attack(
    spec: RunSpec,
    release: Stage,
    own: Stage,
    knows: dict[str, Stage],
    method: Method,
    folder: Path,
    progress: Progress,
) -> None:
    from attacks import REGISTRY
    from attacks.parts import Knowledge

    trainer, rng = REGISTRY.build(method), np.random.default_rng(spec.seed)
    validation, victim = SampleSet.load(own.folder), model(spec.victim)
    known = Knowledge(victim, validation, **{field: SampleSet.load(stage.folder) for field, stage in knows.items()})
    prepared = trainer.prepare(SampleSet.load(release.folder), known, rng)
    write(folder / "curve.json", trainer.tune(victim, prepared, validation, spec.seed, folder, progress))


def evaluate(spec: RunSpec, adapter: Stage | None, split: str, place: str = "") -> Stage:
    """Every answer of the victim, with the adapter at `place` in the attack's folder, to a clean split."""
    questions = dataset(spec.dataset, split)
    payload = {
        "protocol": PROTOCOL,
        "evaluator": EVALUATOR,
        "questions": questions.identity,
        "adapter": adapter.identity if adapter else None,
        "victim": [spec.victim, revision(spec.victim)],
        **({"place": place} if place else {}),
    }
    title = f"{split} after {adapter.title}" if adapter else f"{split}, zero-shot"
    title += f", {place}" if place else ""
    needs = (questions, adapter) if adapter else (questions,)
    return Stage("evaluate", title, payload, partial(_evaluate, spec, adapter, split, place), needs, (spec.victim,))


def _evaluate(spec: RunSpec, adapter: Stage | None, split: str, place: str, folder: Path, progress: Progress) -> None:
    from bench.lvlm.adapters import wearing
    from bench.lvlm.features import remembering
    from bench.stages.evaluate import evaluate as ask

    victim = model(spec.victim)
    with wearing(victim, adapter.folder / place if adapter else None), remembering(victim):
        ask(victim, spec.dataset, split, progress).save(folder)


def write(file: Path, value: Any) -> None:
    """JSON with sorted keys."""
    file.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
