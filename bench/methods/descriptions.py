"""Descriptions of methods, kept on disk so that a plan need not import torch to name thousands of stages.

Those of the built-in suites come with the package: `python -m scripts.describe_methods` writes them.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from bench.methods.registered import Traits
from bench.paths import home, keep
from bench.spec import Closed, Method, identity

F = TypeVar("F", bound=Traits)

BUILT_IN = Path(__file__).with_name("built_in.json")
"""The descriptions that come with the package, by the key of `description_key`."""


class Description(Closed, Generic[F]):
    """Facts that name a method's artefacts: the value of every option, the hash of its code, and its traits.

    naming: the options that a request is named by, sorted by name; each value has the type of its option.
    """

    options: dict[str, Any]
    naming: dict[str, bool | int | float | str]
    code: str
    traits: F


def description_key(kind: str, method: Method, code: str, model: type[Description[F]]) -> str:
    """Return the name that a description is kept under.

    The fields of `model` are part of it, so a description from before a trait was added is made again.
    """
    fields = sorted(model.model_fields["traits"].annotation.model_fields)  # type: ignore[union-attr]
    return identity([kind, method.model_dump(), code, fields])


@cache
def _built_in() -> dict[str, Any]:
    descriptions: dict[str, Any] = json.loads(BUILT_IN.read_bytes())
    return descriptions


def load_or_describe(
    kind: str, method: Method, code: str, model: type[Description[F]], describe: Callable[[], Description[F]]
) -> Description[F]:
    """Return the description of a method and its code that comes with the package or is kept in the home.

    Otherwise, and where a kept file is broken, store what `describe` returns.
    """
    key = description_key(kind, method, code, model)
    if key in _built_in():
        return model.model_validate(_built_in()[key])
    file = home() / "methods" / f"{key}.json"
    try:
        return model.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        text = json.dumps(describe().model_dump(), default=sorted)
        keep(file, text)
        return model.model_validate_json(text)
