"""Closed models of what a user can request, and the identity that names every artefact."""

import hashlib
import json
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Threat = Literal["white", "gray", "black"]

PROTOCOL = 2
"""Version of the game: splits, score and stages. Rows of different protocols are never compared."""


class Closed(BaseModel):
    """A frozen model that refuses unknown fields, infinities and NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)


class Options(Closed):
    """The base of a method's options. One model serves YAML, `-o key=value`, `bench list` and the docs.

    A number is never a text or a truth: `'02'` and `true` are refused for `rounds`, and `2.0` is read as 2.
    """

    @field_validator("*", mode="before")
    @classmethod
    def refuse_other_kinds(cls, value: object, info: ValidationInfo) -> object:
        """Raise ValueError for a text or truth where a number is meant, and for a text where a truth is meant."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        kinds = set(get_args(annotation)) or {annotation}
        if kinds & {int, float} and not kinds & {bool, str} and isinstance(value, bool | str):
            raise ValueError(f"allowed: {'an integer' if int in kinds else 'a number'}, without quotes")
        if bool in kinds and str not in kinds and isinstance(value, str):
            raise ValueError("allowed: true or false, without quotes")
        return value


class Budget(Closed):
    """The limits on what a defense changes: `epsilon` levels of 0..255 per pixel (L-infinity), and inserted `words`.

    >>> Budget(epsilon=4)
    Budget(epsilon=4, words=5)
    """

    epsilon: int = Field(8, ge=0, le=255, description="L-infinity budget in 8-bit levels")
    words: int = Field(5, ge=0, le=64, description="words that may be inserted into a question")


class Method(Closed):
    """A defense or an attack by name, with the options that differ from its defaults.

    An attack is a tuner and parts, `lora_sft+jpeg+gray`; the option `quality` of the part `jpeg` is `jpeg.quality`.

    >>> Method(name="mmguard", options={"rounds": 2})
    Method(name='mmguard', options={'rounds': 2})
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)*$", max_length=128)
    options: dict[str, bool | int | float | str] = {}


def _refuse_duplicates(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("seeds must be different: playing one twice does not make two")
    return seeds


Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(_refuse_duplicates)]


class RunSpec(Closed):
    """A run: one defense, attack, data set, victim, threat model and seed.

    `surrogates`: the owner's surrogate models, if they are not those of the threat model.
    """

    defense: Method
    attack: Method
    dataset: str = "emoji_catalog"
    victim: str = "tiny-llava-a"
    threat: Threat = "white"
    surrogates: tuple[str, ...] = ()
    seed: Seed = 0
    budget: Budget = Budget()


def identity(payload: object) -> str:
    """Return 16 hex digits of the SHA-256 of a payload's canonical JSON. Raises ValueError for NaN or infinity.

    >>> identity({"b": 1, "a": 2}) == identity({"a": 2, "b": 1})
    True
    """
    return digest(payload)[:16]


def digest(payload: object) -> str:
    """Return the SHA-256 of a payload's canonical JSON, of which `identity` is the beginning."""
    return hashlib.sha256(_canonical(payload).encode()).hexdigest()


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
