"""Descriptions of methods, kept on disk so that a plan need not import torch to name thousands of stages."""

import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from bench.methods.registered import Traits
from bench.paths import home, keep
from bench.spec import Closed, Method, identity

F = TypeVar("F", bound=Traits)


class Description(Closed, Generic[F]):
    """Facts that name a method's artefacts: the value of every option, the hash of its code, and its traits.

    naming: the options that a request is named by, sorted by name; each value has the type of its option.
    """

    options: dict[str, Any]
    naming: dict[str, bool | int | float | str]
    code: str
    traits: F


def load_or_describe(
    kind: str, method: Method, code: str, model: type[Description[F]], describe: Callable[[], Description[F]]
) -> Description[F]:
    """Return the stored description of a method and its code, or store what `describe` returns.

    The fields of `model` are part of the key, so a description from before a trait was added is made again. So is one
    whose file is broken.
    """
    fields = sorted(model.model_fields["traits"].annotation.model_fields)  # type: ignore[union-attr]
    file = home() / "methods" / f"{identity([kind, method.model_dump(), code, fields])}.json"
    try:
        return model.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        text = json.dumps(describe().model_dump(), default=sorted)
        keep(file, text)
        return model.model_validate_json(text)
