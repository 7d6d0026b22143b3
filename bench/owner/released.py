"""A release that was made here before: the job in its report, and the rows of its files, by those of the original."""

import json
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, Field

from bench.errors import UserError
from bench.owner.craft import Job, load_samples
from bench.owner.inventory import Inventory
from bench.owner.jobs import describe_job
from bench.owner.methods import Part, check_method
from bench.owner.platforms import Platform, parse_platform
from bench.owner.state import State
from bench.samples import Sample
from bench.spec import Method

ALLOWED = "a folder that `bench protect` made, with its report beside it"


class _Described(BaseModel, extra="forbid", frozen=True):
    """The fields of `describe_job`."""

    defense: Method
    code: str
    part: Annotated[Part, AfterValidator(lambda part: Part(part.budget.epsilon, part.budget.words))]
    surrogates: tuple[tuple[str, str], ...]
    seed: int = Field(ge=0)
    chunk: int = Field(ge=1)
    through: tuple[tuple[str, int], ...] | None


class Released(NamedTuple):
    """The samples of a release. rows: by the number of the original's row, that of the release's row."""

    rows: dict[int, int]
    samples: dict[int, Sample]

    def sample(self, row: int) -> Sample:
        """Return the sample of a row of the original."""
        return self.samples[self.rows[row]]


def read_job(release: Path) -> Job:
    """Return the job that made a release. Raises UserError where the method or a model is another one by now."""
    file = State(release.resolve()).report / "report.json"
    try:
        described = _Described.model_validate(json.loads(file.read_bytes())["job"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise _unread(file) from None
    models = tuple(name for name, _ in described.surrogates)
    through = parse_platform(Platform(described.through).text) if described.through else None
    job = Job(described.defense, described.part, models, described.seed, described.chunk, through)
    check_method(job.method, job.part, through=through is not None)
    now = _Described.model_validate(describe_job(job))
    for field in ("code", "surrogates"):
        if getattr(now, field) != getattr(described, field):
            raise UserError(
                f"released: {str(release)!r} was made with another version ({field}); allowed: that version, since "
                "fresh copies must be made in the same way"
            )
    return job


def match(original: Inventory, release: Inventory, kept: set[str], place: Path) -> Released:
    """Return the release's samples with an answer, by the rows of the original. kept: the pictures that are in it.

    Raises UserError where the rows are not those of the original, in their order.
    """
    rows = sorted(row for digest in kept & original.pictures.keys() for row in original.pictures[digest].rows)
    if len(rows) != len(release.texts):
        raise _foreign(place, f"{len(release.texts)} rows that can be read instead of {len(rows)}")
    pairs = dict(zip(rows, sorted(release.texts), strict=True))
    for old, new in pairs.items():
        if original.texts[old]._replace(question="") != release.texts[new]._replace(question=""):
            raise _foreign(place, f"row {new + 1} is not the protected copy of row {old + 1}")
    samples, _ = load_samples(release, list(release.pictures))
    by_row = {int(sample.id): sample for sample in samples if sample.answer}
    return Released({old: new for old, new in pairs.items() if new in by_row}, by_row)


def read_kept(release: Path) -> set[str]:
    """Return the digests of the original's pictures that are in a release. Raises UserError for a damaged report."""
    file = State(release.resolve()).report / "pictures.jsonl"
    try:
        with file.open(encoding="utf-8") as lines:
            return {json.loads(line)["picture"] for line in lines}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise _unread(file) from None


def _unread(file: Path) -> UserError:
    return UserError(f"released: {str(file)!r} cannot be read as `bench protect` wrote it; allowed: {ALLOWED}")


def _foreign(place: Path, what: str) -> UserError:
    return UserError(
        f"released: {str(place)!r} has {what}; allowed: the release of this original as it was made, which "
        "`bench audit` compares"
    )
