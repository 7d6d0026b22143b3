"""The stages of a run by role: its references on clean data, its release, its attack and its evaluations."""

from bench.scoring import learning_curve
from bench.spec import Method, RunSpec
from bench.stages import attack, audit, evaluate, protect
from bench.stages.stage import Stage

PLAIN = Method(name="lora_sft")
"""The recipe that the clean reference is trained with, unless the attack searches its own."""

NO_DEFENSE = Method(name="none")

References = dict[tuple[str, str, int, str], dict[str, Stage | None]]
"""Stages by role, for each data set, victim, seed and attack on the clean data (as JSON)."""


def stages_of(spec: RunSpec, references: References | None = None) -> dict[str, Stage]:
    """Return every stage of a run and of its references by role, in order. `attack` is absent where nothing is trained.

    `references`: those that were named before, for a caller who names thousands of runs; new ones are added to it.
    """
    recipe, references = clean_recipe(spec.attack), {} if references is None else references
    key = (spec.dataset, spec.victim, spec.seed, recipe.model_dump_json())
    if key not in references:
        references[key] = _references(spec, recipe)
    release = protect.stage(spec)
    adapter = attack.stage(spec, release, spec.attack)
    points = {
        learning_curve.epoch_role(role, epoch): evaluate.stage(spec, adapter, split, place)
        for epoch, place in checkpoints(spec.attack).items()
        for role, split in (("evaluate", "test"), ("validation", "validation"))
    }
    roles = {
        **references[key],
        "protect": release,
        "audit": audit.stage(spec, release),
        "attack": adapter,
        "evaluate": evaluate.stage(spec, adapter, "test"),
        "validation": evaluate.stage(spec, adapter, "validation"),
        **points,
    }
    return {role: stage for role, stage in roles.items() if stage is not None}


def _references(spec: RunSpec, recipe: Method) -> dict[str, Stage | None]:
    """Return the stages that a run is compared with: they depend on data set, victim, seed and recipe."""
    original = protect.stage(spec.model_copy(update={"defense": NO_DEFENSE}))
    clean = attack.stage(spec, original, recipe)
    return {
        "original": original,
        "zero": evaluate.stage(spec, None, "test"),
        "clean_attack": clean,
        "clean": evaluate.stage(spec, clean, "test"),
    }


def clean_recipe(method: Method) -> Method:
    """Return what the clean reference of an attack is trained with: an attack that searches may search there too."""
    from attacks import REGISTRY

    return method if REGISTRY.describe(method).traits.tunes else PLAIN


def checkpoints(method: Method) -> dict[str, str]:
    """Return the folders of an attack's adapters by epoch; see `attacks.base.Attack.checkpoints`."""
    from attacks import REGISTRY

    return REGISTRY.describe(method).traits.checkpoints
