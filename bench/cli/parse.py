"""From what a person types to a `RunSpec`; errors name the field, the value and what is allowed."""

from typing import Any, get_args

import typer
from pydantic import ValidationError

from attacks.grammar import parse_attack, parse_option
from bench import datasets, victims
from bench.datasets import own
from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import UserError
from bench.game.playable import check_playable
from bench.game.threat import surrogates
from bench.spec import Budget, Method, RunSpec, Threat


def epsilon(text: str) -> int:
    """`8/255` or `8` to 8 levels."""
    number = text.removesuffix("/255")
    if not number.isdecimal() or int(number) > 255:
        raise UserError(f"epsilon: {text!r}; allowed: N/255 or N, with a whole N from 0 to 255")
    return int(number)


def options(pairs: list[str]) -> dict[str, Any]:
    """`key=value` strings to a dictionary of scalars."""
    return dict(map(parse_option, pairs))


def seeds(seed: int, several: str | None) -> list[int]:
    """`--seeds 0,1,2`, or the one of `--seed`."""
    if several is None:
        return [seed]
    parts = [part.strip() for part in several.split(",")]
    if len(set(parts)) < len(parts) or not all(part.isdecimal() for part in parts):
        raise UserError(f"seeds: {several!r}; allowed: different whole numbers with commas, for example 0,1,2")
    return [int(part) for part in parts]


def names(text: str | None) -> tuple[str, ...]:
    """`a,b` to two names."""
    return tuple(part.strip() for part in text.split(",")) if text else ()


def dataset(text: str) -> str:
    """A data set's name; of a path the name by which it is known from then on. Rows that cannot be used are told."""
    if text in EMBEDDED or text in HUB or own.is_own(text) or not own.is_path(text):
        return text
    taken = own.take_in(text)
    for line in taken.lines:
        typer.echo(line, err=True)
    return taken.name


def tasks(text: str | None) -> tuple[str, ...]:
    """Checked tasks for side effects: data sets by name or path, and tasks of lm-eval's."""
    named = tuple(dict.fromkeys(dataset(name) for name in names(text)))
    if named:
        from bench.play import side_effects

        side_effects.check(named)
    return named


def spec(**fields: Any) -> RunSpec:
    """A checked `RunSpec`: names exist, options fit, the threat model has surrogates."""
    attack = parse_attack(fields["attack"])
    check_methods(fields["defense"], attack.name)
    if fields["threat"] not in get_args(Threat):
        raise UserError(f"threat: {fields['threat']!r}; allowed: {', '.join(get_args(Threat))}")
    try:
        made = RunSpec(
            defense=Method(name=fields["defense"], options=fields["options"]),
            attack=Method(name=attack.name, options={**attack.options, **fields["attack_options"]}),
            dataset=fields["dataset"],
            victim=fields["victim"],
            threat=fields["threat"],
            surrogates=names(fields.get("surrogates")),
            seed=fields["seed"],
            budget=Budget(epsilon=fields["epsilon"], words=fields["words"]),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {first['input']!r}: {first['msg']}") from None
    check(made)
    check_playable(made)
    return made


def check_methods(defense: str, attack: str) -> None:
    """Raises UserError for an unknown name; reads source text alone."""
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    DEFENSES.check(defense)
    ATTACKS.check(attack)


def check(made: RunSpec) -> None:
    """Raises UserError for unknown names, wrong options and threat models without surrogates."""
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    check_methods(made.defense.name, made.attack.name)
    datasets.check(made.dataset)
    victims.check(made.victim)
    surrogates(made.victim, made.threat, made.surrogates)
    for registry, method in ((DEFENSES, made.defense), (ATTACKS, made.attack)):
        if method.options or "+" in method.name:
            registry.describe(method)
