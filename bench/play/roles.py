"""The stages of a run by role: what the trainer reaches without the release, with clean data, and with the release."""

from bench import victims
from bench.scoring import ladder, learning_curve
from bench.spec import Method, RunSpec
from bench.stages import attack, audit, evaluate, protect
from bench.stages.stage import Stage

PLAIN = Method(name=ladder.PLAIN)
NO_DEFENSE = Method(name="none")
FORMAT_ONLY = Method(name="format_only")

BASELINES = ("zero", "format", "own")
"""Models that know nothing of the release's content: untrained; trained on its format; on the trainer's clean samples.

The last is there for attacks by a trainer who holds clean samples of the owner's. What a run is compared with is the
one that is best on validation.
"""

References = dict[tuple[str, str, int, str], dict[str, Stage | None]]
"""Stages by role, for each data set, victim, seed and attack (as JSON)."""


def validation_role(role: str) -> str:
    """Return the role of the evaluation, on validation, of the model that `role` evaluates on the test split.

    >>> validation_role("clean"), validation_role("evaluate")
    ('clean_validation', 'validation')
    """
    return "validation" if role == "evaluate" else f"{role}_validation"


def stages_of(spec: RunSpec, references: References | None = None) -> dict[str, Stage]:
    """Return every stage of a run and of its references by role, in order. `attack` is absent where nothing is trained.

    `references`: those that were named before, for a caller who names thousands of runs; new ones are added to it.
    """
    references = {} if references is None else references
    key = (spec.dataset, spec.victim, spec.seed, spec.attack.model_dump_json())
    if key not in references:
        references[key] = _references(spec)
    release = protect.stage(spec)
    adapter = attack.stage(spec, release, spec.attack)
    points = {
        learning_curve.epoch_role(role, epoch): evaluate.stage(spec, adapter, split, place)
        for epoch, place in checkpoints(spec).items()
        for role, split in (("evaluate", "test"), ("validation", "validation"))
    }
    roles = {
        **references[key],
        "protect": release,
        "audit": audit.stage(spec, release),
        "attack": adapter,
        **_evaluations(spec, "evaluate", adapter),
        **points,
    }
    return {role: stage for role, stage in roles.items() if stage is not None}


def _references(spec: RunSpec) -> dict[str, Stage | None]:
    """Return the stages that a run is compared with: they depend on data set, victim, seed and attack.

    The clean side is the same attack on the data without a defense.
    """
    undefended = spec.model_copy(update={"defense": NO_DEFENSE})
    original = protect.stage(undefended)
    roles: dict[str, Stage | None] = {**_evaluations(spec, "zero", None), "original": original}
    for role, method in _trained(spec.attack).items():
        adapter = attack.stage(undefended, original, method)
        roles |= {f"{role}_attack": adapter, **_evaluations(spec, role, adapter)}
    return roles


def _trained(method: Method) -> dict[str, Method]:
    """Return what the references of an attack are trained with, by role.

    An attack that trains nothing gains nothing from format either.
    """
    from attacks import REGISTRY

    traits = REGISTRY.describe(method).traits
    baselines = {"format": FORMAT_ONLY} if traits.trains else {}
    baselines |= {"own": _own_only(method, traits.clean_share)} if traits.clean_share else {}
    return {**baselines, "clean": method}


def _own_only(method: Method, share: float) -> Method:
    """Return the training on the trainer's clean samples alone, with the tuner of an attack and its options.

    A tuner that uses clean samples in a way of its own is replaced by the plain one.
    """
    from attacks import REGISTRY
    from attacks.registry import split_name

    tuner, _ = split_name(method.name)
    options = {key: value for key, value in method.options.items() if "." not in key}
    if REGISTRY.describe(Method(name=tuner, options=options)).traits.clean_share:
        tuner, options = PLAIN.name, {}
    return REGISTRY.normalise(Method(name=f"{tuner}+own_only", options={**options, "own_only.share": share}))


def _evaluations(spec: RunSpec, role: str, adapter: Stage | None) -> dict[str, Stage | None]:
    """Return the evaluations of one model on the test split and on validation, by role."""
    return {
        role: evaluate.stage(spec, adapter, "test"),
        validation_role(role): evaluate.stage(spec, adapter, "validation"),
    }


def checkpoints(spec: RunSpec) -> dict[str, str]:
    """Return the folders of an attack's adapters by epoch; see `attacks.base.Attack.checkpoints`."""
    from attacks import REGISTRY

    by_recipe = REGISTRY.describe(spec.attack).traits.checkpoints
    return by_recipe.get(victims.recipe_of(spec.victim).name, {})
