"""From what a person types to a `RunSpec`; errors name the field, the value and what is allowed."""

from typing import Any, get_args

import yaml
from pydantic import ValidationError

from bench import datasets
from bench.errors import UserError
from bench.spec import Budget, Method, RunSpec, Threat
from bench.threat import surrogates


def epsilon(text: str) -> int:
    """`8/255` or `8` to 8 levels."""
    number = text.removesuffix("/255")
    if not number.isdigit() or int(number) > 255:
        raise UserError(f"epsilon: {text!r}; allowed: N/255 or N, with a whole N from 0 to 255")
    return int(number)


def options(pairs: list[str]) -> dict[str, Any]:
    """`key=value` strings to a dictionary of scalars."""
    parsed = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        scalar = yaml.safe_load(value) if equals else None
        if not isinstance(scalar, bool | int | float | str):
            raise UserError(f"option: {pair!r}; allowed: key=value with a number, a word, true or false")
        parsed[key] = float(value) if isinstance(scalar, str) and _is_number(value) else scalar
    return parsed


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def seeds(seed: int, several: str | None) -> list[int]:
    """`--seeds 0,1,2`, or the one of `--seed`."""
    if several is None:
        return [seed]
    parts = several.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise UserError(f"seeds: {several!r}; allowed: whole numbers with commas, for example 0,1,2")
    return [int(part) for part in parts]


def spec(**fields: Any) -> RunSpec:
    """A checked `RunSpec`: names exist, options fit, the threat model has surrogates."""
    if fields["threat"] not in get_args(Threat):
        raise UserError(f"threat: {fields['threat']!r}; allowed: {', '.join(get_args(Threat))}")
    try:
        made = RunSpec(
            defense=Method(name=fields["defense"], options=fields["options"]),
            attack=Method(name=fields["attack"], options=fields["attack_options"]),
            dataset=fields["dataset"],
            victim=fields["victim"],
            threat=fields["threat"],
            seed=fields["seed"],
            budget=Budget(epsilon=fields["epsilon"], words=fields["words"]),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {first['input']!r}: {first['msg']}") from None
    check(made)
    return made


def check(made: RunSpec) -> None:
    """Raises UserError for unknown names, wrong options and threat models without surrogates.

    Names are checked first, from source text alone; options need the method's own module.
    """
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    datasets.check(made.dataset)
    check_victim(made.victim)
    surrogates(made.victim, made.threat)
    DEFENSES.check(made.defense.name)
    ATTACKS.check(made.attack.name)
    for registry, method in ((DEFENSES, made.defense), (ATTACKS, made.attack)):
        if method.options:
            registry.build(method)


def check_victim(name: str) -> None:
    """Raises UserError for a name that is neither embedded nor a path nor org/name."""
    import difflib
    from pathlib import Path

    from bench.victims import EMBEDDED

    if name not in EMBEDDED and not Path(name).exists() and "/" not in name:
        near = difflib.get_close_matches(name, EMBEDDED, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UserError(f"victim: {name!r} is not known{hint}; allowed: {', '.join(EMBEDDED)}, a path or org/name")
