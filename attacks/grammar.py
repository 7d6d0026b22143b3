"""The text form of an attack: `lora_sft(rank=8)+jpeg(quality=30)+gray`, or the name of a recipe in `recipes/`."""

import re
from functools import cache, lru_cache
from pathlib import Path

from pydantic import Field, ValidationError

from bench import yamlfile, yamltext
from bench.errors import UserError, show
from bench.spec import Closed, Method

RECIPES = Path(__file__).parent / "recipes"
TERM = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(?:\(([^()]*)\))?\s*")
"""A tuner or part with its options: `jpeg(quality=30)`."""

NOT_FINITE = re.compile("(?i)[-+]?(nan|inf|infinity)")

Scalar = bool | int | float | str


class Recipe(Closed):
    """A named attack: a one-line summary and the text form."""

    summary: str = Field(min_length=3, max_length=160)
    attack: str = Field(min_length=1, max_length=400)


@cache
def load_recipes() -> dict[str, Recipe]:
    """Return the recipes in `attacks/recipes/` by name."""
    return {file.stem: yamlfile.read(file, Recipe) for file in sorted(RECIPES.glob("*.yaml"))}


@lru_cache(1024)
def parse_attack(text: str) -> Method:
    """Return the attack that `text` describes. Names and options are not checked.

    Raises UserError if `text` is malformed.

    >>> parse_attack("lora_sft(rank=8)+jpeg(quality=30)")
    Method(name='lora_sft+jpeg', options={'rank': 8, 'jpeg.quality': 30})
    """
    recipe = load_recipes().get(text)
    if recipe is not None:
        return parse_attack(recipe.attack)
    names: list[str] = []
    options: dict[str, Scalar] = {}
    position = 0
    while True:
        match = TERM.match(text, position)
        if match is None:
            raise _malformed(text)
        name, arguments = match.groups()
        prefix = f"{name}." if names else ""
        names.append(name)
        options |= {f"{prefix}{key}": value for key, value in _parse_arguments(arguments, text).items()}
        position = match.end()
        if position == len(text):
            break
        if text[position] != "+":
            raise _malformed(text)
        position += 1
    try:
        return Method(name="+".join(names), options=options)
    except ValidationError:  # too long a name: its form is checked above
        raise _malformed(text) from None


def format_attack(method: Method) -> str:
    """Return the text form of an attack, which `parse_attack` turns back into `method`.

    >>> format_attack(Method(name="lora_sft+jpeg", options={"rank": 8, "jpeg.quality": 30}))
    'lora_sft(rank=8)+jpeg(quality=30)'
    """
    tuner, *parts = method.name.split("+")
    return "+".join([_format_term(tuner, "", method), *(_format_term(part, f"{part}.", method) for part in parts)])


def parse_option(pair: str) -> tuple[str, Scalar]:
    """Return the name and value in `key=value`.

    Raises UserError if the value is not a scalar, or is infinite or NaN.

    >>> parse_option("lr=1e-3")
    ('lr', 0.001)
    """
    key, _, text = pair.partition("=")
    value = _parse_scalar(text)
    if value is None:
        raise UserError(f"option: {show(pair)}; allowed: key=value with a finite number, a word, true or false")
    return key, value


def _malformed(text: str) -> UserError:
    return UserError(f"attack: {show(text)}; allowed: tuner(option=value)+part(option=value)+..., or a recipe's name")


def _parse_arguments(arguments: str | None, text: str) -> dict[str, Scalar]:
    """Return the options between a term's parentheses. `text` is the whole attack, for the error message."""
    pairs = [pair.partition("=") for pair in (arguments or "").split(",") if pair.strip()]
    if any(not equals for _, equals, _ in pairs):
        raise _malformed(text)
    options = [parse_option(f"{key.strip()}={value.strip()}") for key, _, value in pairs]
    names = [name for name, _ in options]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UserError(f"attack: {show(text)} names {repeated[0]} twice; allowed: each option of a term once")
    return dict(options)


def _format_term(name: str, prefix: str, method: Method) -> str:
    """Return the text form of the tuner or part `name`, whose options in `method` begin with `prefix`."""
    pairs = []
    for key, value in method.options.items():
        owner, _, option = key.rpartition(".")
        if owner == prefix.rstrip("."):
            pairs.append(f"{option}={str(value).lower() if isinstance(value, bool) else value}")
    return f"{name}({','.join(pairs)})" if pairs else name


def _parse_scalar(text: str) -> Scalar | None:
    """Return the scalar that strict YAML reads in `text`, or None."""
    try:
        value = yamltext.load(text)
    except ValueError:
        return None
    if not isinstance(value, bool | int | float | str) or NOT_FINITE.fullmatch(str(value)):
        return None
    return value
