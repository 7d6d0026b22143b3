"""Parse what a person types into a `RunSpec`. Errors name the field, the value and what is allowed."""

from collections.abc import Mapping
from typing import Any, cast, get_args

from pydantic import ValidationError

from attacks.grammar import parse_attack, parse_option
from bench import datasets, victims
from bench.cli.output import echo
from bench.datasets import own
from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import UserError, show
from bench.game.playable import check_playable
from bench.game.threat import surrogates
from bench.spec import Budget, Method, RunSpec, Threat

SEED_LIMIT = 2**31
SEED_DIGITS = len(str(SEED_LIMIT))


def epsilon(text: str) -> int:
    """Return a budget in levels of 0..255 from `8/255` or `8`. Raises UserError for anything else.

    >>> epsilon("8/255")
    8
    """
    number = text.removesuffix("/255")
    if not (number.isascii() and number.isdecimal() and len(number) <= 3) or int(number) > 255:
        raise UserError(f"epsilon: {show(text)}; allowed: N/255 or N, with a whole N from 0 to 255")
    return int(number)


def options(pairs: list[str]) -> dict[str, Any]:
    """Return a dictionary of scalars from `key=value` strings.

    >>> options(["rounds=2", "lr=1e-3"])
    {'rounds': 2, 'lr': 0.001}
    """
    return dict(map(parse_option, pairs))


def seeds(seed: int, several: str | None) -> list[int]:
    """Return the seeds of `--seeds 0,1,2`, or the one seed of `--seed`. Raises UserError for equal or other values."""
    if several is None:
        return [seed]
    parts = [part.strip() for part in several.split(",")]
    if all(part.isascii() and part.isdecimal() and len(part) <= SEED_DIGITS for part in parts):
        numbers = [int(part) for part in parts]
        if len(set(numbers)) == len(numbers) and max(numbers) < SEED_LIMIT:
            return numbers
    allowed = f"different whole numbers below {SEED_LIMIT} with commas, for example 0,1,2"
    raise UserError(f"seeds: {show(several)}; allowed: {allowed}")


def names(text: str | None) -> tuple[str, ...]:
    """Return the names in a text with commas.

    >>> names("tiny-llava-a, tiny-gemma3")
    ('tiny-llava-a', 'tiny-gemma3')
    """
    return tuple(part.strip() for part in text.split(",")) if text else ()


def dataset(text: str) -> str:
    """Return the name of a data set.

    A path to the user's own data is read, and its new name is returned. Rows that cannot be used are printed.
    """
    if text in EMBEDDED or text in HUB or own.is_own(text) or not own.is_path(text):
        return text
    report = own.import_path(text)
    for line in report.lines:
        echo(line, err=True)
    return report.name


def tasks(text: str | None) -> tuple[str, ...]:
    """Return the tasks for side effects: data sets by name or path, and lm-eval's. Raises UserError for others."""
    tasks = tuple(dict.fromkeys(dataset(name) for name in names(text)))
    if tasks:
        from bench.play import side_effects

        side_effects.check_tasks(tasks)
    return tasks


def spec(
    *,
    defense: str,
    attack: str,
    dataset: str,
    victim: str,
    threat: str,
    seed: int,
    epsilon: int,
    words: int,
    options: Mapping[str, Any],
    attack_options: Mapping[str, Any],
    surrogates: str | None = None,
    playable: bool = True,
) -> RunSpec:
    """Return a checked `RunSpec`, from texts as a person types them, parsed options and a parsed budget.

    Raises UserError where `check_spec` does and, if it is to be `playable`, where this machine lacks model or data.
    """
    method = parse_attack(attack)
    check_methods(defense, method.name)
    if threat not in get_args(Threat):
        raise UserError(f"threat: {threat!r}; allowed: {', '.join(get_args(Threat))}")
    try:
        run_spec = RunSpec(
            defense=Method(name=defense, options=dict(options)),
            attack=Method(name=method.name, options={**method.options, **attack_options}),
            dataset=dataset,
            victim=victim,
            threat=cast(Threat, threat),
            surrogates=names(surrogates),
            seed=seed,
            budget=Budget(epsilon=epsilon, words=words),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {first['input']!r}: {first['msg']}") from None
    check_spec(run_spec)
    if playable:
        check_playable(run_spec)
    return normalise_spec(run_spec)


def normalise_spec(run_spec: RunSpec) -> RunSpec:
    """Return a run whose options have their one form, so that one configuration has one name however it was typed."""
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    methods = {"defense": DEFENSES.normalise(run_spec.defense), "attack": ATTACKS.normalise(run_spec.attack)}
    return run_spec.model_copy(update=methods)


def check_methods(defense: str, attack: str) -> None:
    """Raise UserError for an unknown method. Only source text is read; no method is imported."""
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    DEFENSES.check(defense)
    ATTACKS.check(attack)


def check_spec(run_spec: RunSpec) -> None:
    """Raise UserError for unknown names, wrong options and threat models without surrogates."""
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    check_methods(run_spec.defense.name, run_spec.attack.name)
    datasets.check(run_spec.dataset)
    victims.check(run_spec.victim)
    surrogates(run_spec.victim, run_spec.threat, run_spec.surrogates)
    for registry, method in ((DEFENSES, run_spec.defense), (ATTACKS, run_spec.attack)):
        if method.options or "+" in method.name:
            registry.describe(method)
