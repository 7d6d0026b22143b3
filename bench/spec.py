"""Closed models of everything a user can ask for, and the identity that names every artefact."""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Threat = Literal["white", "gray", "black"]

PROTOCOL = 1
"""Version of the game: splits, score and stages. Rows of different protocols are never compared."""


class Closed(BaseModel):
    """A frozen model that refuses unknown fields, infinities and NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)


class Options(Closed):
    """Base of a method's options: the same for YAML, `-o key=value`, `bench list` and the docs."""


class Budget(Closed):
    """What a defense may change: `epsilon` integer levels of 0..255 per pixel (L-inf), `words` inserted words."""

    epsilon: int = Field(8, ge=0, le=255, description="L-infinity budget in 8-bit levels")
    words: int = Field(5, ge=0, le=64, description="words that may be inserted into a question")


class Method(Closed):
    """A defense or an attack by name, with the options that differ from its defaults.

    An attack is a tuner and parts, `lora_sft+jpeg+gray`; an option of a part is named `jpeg.quality`.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)*$", max_length=128)
    options: dict[str, bool | int | float | str] = {}


def _different(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("seeds must be different: one that is played twice is not two")
    return seeds


Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(_different)]


class RunSpec(Closed):
    """One cell of the benchmark: who protects how, who trains how, on what, knowing what, with which seed.

    `surrogates`: names of the owner's, instead of those that the threat model gives.
    """

    defense: Method
    attack: Method
    dataset: str = "emoji_catalog"
    victim: str = "tiny-llava-a"
    threat: Threat = "white"
    surrogates: tuple[str, ...] = ()
    seed: Seed = 0
    budget: Budget = Budget()


def identity(payload: Any) -> str:
    """Sixteen hex digits of the SHA-256 of a payload's canonical JSON. Raises ValueError for NaN or infinity."""
    return hashlib.sha256(_canonical(payload).encode()).hexdigest()[:16]


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
