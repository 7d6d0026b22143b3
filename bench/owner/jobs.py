"""Make the job of a protection from what a person asks for, and describe it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.owner.craft import Job
from bench.owner.methods import check_method, choose_part, needs_models
from bench.owner.platforms import parse_platform
from bench.spec import Method
from bench.victims import revision
from defenses import REGISTRY

STAND_IN = ("tiny-llava-a",)
"""The surrogate where none is named: embedded, and good for trying only."""

CHUNK = 128
"""Pictures that are made together, by default."""


def make_job(
    defense: str,
    options: Mapping[str, bool | int | float | str],
    *,
    surrogates: Sequence[str],
    epsilon: int,
    words: int,
    seed: int,
    chunk: int,
    image_only: bool,
    text_only: bool,
    through: str | None,
) -> Job:
    """Return the job. Raises UserError for a wrong name, option or platform, and where nothing would be changed."""
    method = Method(name=defense, options=dict(options))
    part = choose_part(defense, epsilon, words, image_only=image_only, text_only=text_only)
    names = (tuple(surrogates) or STAND_IN) if needs_models(defense) else ()
    check_method(method, part, through=through is not None)
    return Job(method, part, names, seed, chunk, parse_platform(through) if through else None)


def describe_job(job: Job) -> dict[str, Any]:
    """Return everything that decides the protected bytes besides the data."""
    models = job.surrogates if needs_models(job.method.name) else ()
    return {
        "defense": job.method.model_dump(),
        "code": REGISTRY.code(job.method.name),
        "part": job.part._asdict(),
        "surrogates": [[name, revision(name)] for name in models],
        "seed": job.seed,
        "chunk": job.chunk,
        "through": job.through.steps if job.through else None,
    }
