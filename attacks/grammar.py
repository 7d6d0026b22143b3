"""How attacks are written: `lora_sft(rank=8)+jpeg(quality=30)+gray`, or the name of a recipe in `attacks/recipes/`.

`best` is written where one attack or many may stand: every attack of `attacks/standard.yaml`.
"""

import re
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from bench import yamlfile
from bench.errors import UserError
from bench.spec import Closed, Method

RECIPES = Path(__file__).parent / "recipes"
STANDARD = Path(__file__).parent / "standard.yaml"
BEST = "best"
WORD = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(?:\(([^()]*)\))?\s*")


class Recipe(Closed):
    """A named attack: what it is in one line, and how it is written."""

    summary: str = Field(min_length=3, max_length=160)
    attack: str = Field(min_length=1, max_length=400)


class Set(Closed):
    """Attacks that a defense is judged by together."""

    attacks: list[str] = Field(min_length=1)


@cache
def members(text: str) -> tuple[str, ...]:
    """The attacks that a text stands for: those of the standard set for `best`, else the one that it is."""
    return tuple(yamlfile.read(STANDARD, Set).attacks) if text == BEST else (text,)


@cache
def recipes() -> dict[str, Recipe]:
    """The recipes that come with the suite, by name."""
    return {file.stem: yamlfile.read(file, Recipe) for file in sorted(RECIPES.glob("*.yaml"))}


def attack(text: str) -> Method:
    """What an attack's text says. Raises UserError where it is not of this form; names and options are not checked."""
    if (recipe := recipes().get(text)) is not None:
        return attack(recipe.attack)
    names: list[str] = []
    options: dict[str, Any] = {}
    at = 0
    while True:
        found = WORD.match(text, at)
        if found is None:
            raise _malformed(text)
        name, inside = found.groups()
        place = f"{name}." if names else ""
        names.append(name)
        options |= {f"{place}{key}": value for key, value in _pairs(inside, text).items()}
        at = found.end()
        if at == len(text):
            return Method(name="+".join(names), options=options)
        if text[at] != "+":
            raise _malformed(text)
        at += 1


def written(method: Method) -> str:
    """How an attack is written: what `attack` reads as `method`."""
    first, *parts = method.name.split("+")

    def piece(name: str, prefix: str) -> str:
        own = {k.removeprefix(prefix): v for k, v in method.options.items() if k.rpartition(".")[0] == prefix[:-1]}
        pairs = (f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in own.items())
        return f"{name}({','.join(pairs)})" if own else name

    return "+".join([piece(first, ""), *(piece(name, f"{name}.") for name in parts)])


def _malformed(text: str) -> UserError:
    return UserError(f"attack: {text!r}; allowed: tuner(option=value)+part(option=value)+..., or a recipe's name")


def _pairs(inside: str | None, text: str) -> dict[str, Any]:
    pairs = [pair.partition("=") for pair in (inside or "").split(",") if pair.strip()]
    if any(not equals for _, equals, _ in pairs):
        raise _malformed(text)
    return {key.strip(): option(f"{key.strip()}={value.strip()}")[1] for key, _, value in pairs}


def option(pair: str) -> tuple[str, bool | int | float | str]:
    """`key=value` with a scalar value. Raises UserError for anything else, infinities and NaN too."""
    key, _, value = pair.partition("=")
    scalar = _scalar(value)
    if scalar is None or (isinstance(scalar, float) and not isfinite(scalar)):
        raise UserError(f"option: {pair!r}; allowed: key=value with a finite number, a word, true or false")
    return key, scalar


def _scalar(text: str) -> bool | int | float | str | None:
    """What YAML makes of `text`, with 1e-3 as a number too; None where that is no scalar."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(value, bool | int | float | str):
        return None
    try:
        return float(text) if isinstance(value, str) else value
    except ValueError:
        return value
