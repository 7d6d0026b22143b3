"""Rows that the maintainers have played themselves, in a file that comes with the suite and that no export writes.

The file has the SHA-256 of each row, over all that it claims and the answers behind it. So whoever sends rows, or a
folder of results, cannot say of their own rows that they are checked: nothing in a row or in its folder is asked.
"""

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter, ValidationError

from bench.errors import UserError
from bench.paths import write_atomic
from bench.results import published, rows
from bench.results.rows import Run
from bench.results.rows_from_elsewhere import Identity
from bench.spec import digest
from bench.store import artifacts
from bench.store.predictions import read_table

if TYPE_CHECKING:
    import pandas as pd

FILE = published.FOLDER.with_name("checked.json")
"""The rows of the maintainers."""

MEASURED = ("cost", "provenance", "created", "command", "code")
"""Columns that may change when a run is played again; every other column is a claim."""

ANSWERS = ["id", "image_id", "target", "prediction", "score"]

DigestAnswers = Callable[[str], str | None]
"""Returns the SHA-256 of the answers of an evaluation by its identity, or None where they are missing."""

_CHECKED = TypeAdapter(dict[Identity, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]])


def find_checked(runs: Sequence[Run], folder: Path | None = None) -> set[str]:
    """Return the identities of those published rows that are the maintainers', with their answers.

    Raises UserError where the file of the maintainers is damaged.
    """
    known, digest_answers = _load_checked(), partial(_digest_published, *published.cache_key(folder))
    return {run.id for run in runs if run.id in known and known[run.id] == digest_row(run, digest_answers)}


def vouch(folder: Path | None = None) -> tuple[list[str], list[str]]:
    """Add those published rows to the file of the maintainers that this home has played with the same numbers.

    Return the identities of all that are in the folder and in the file now, and of those that came out otherwise here.
    """
    known, digest_answers = _load_checked(), partial(_digest_published, *published.cache_key(folder))
    differing = []
    shipped = published.load_runs(folder)
    for run in shipped:
        if (own := rows.find(run.id)) is not None:
            sha256 = digest_row(own, _digest_own)
            if sha256 and sha256 == digest_row(run, digest_answers):
                known[run.id] = sha256
            else:
                differing.append(run.id)
    write_atomic(FILE, json.dumps(dict(sorted(known.items())), indent=1) + "\n")
    checked = find_checked(shipped, folder)
    return [run.id for run in shipped if run.id in checked], differing


def digest_row(run: Run, digest_answers: DigestAnswers) -> str | None:
    """Return the SHA-256 of what a row claims and of the answers behind it; None where answers are missing."""
    claims = {column.name: getattr(run, column.name) for column in published.COLUMNS if column.name not in MEASURED}
    evaluations = sorted({run.stages.get(role, "") for role in ("clean", "evaluate", *(run.baselines or ("zero",)))})
    answers = {evaluation: digest_answers(evaluation) for evaluation in evaluations}
    return None if None in answers.values() else digest({"row": claims, "answers": answers})


def _load_checked() -> dict[str, str]:
    try:
        return _CHECKED.validate_json(FILE.read_bytes()) if FILE.is_file() else {}
    except ValidationError as error:
        raise UserError(f"{FILE.name}: it cannot be read as identities of rows and their SHA-256") from error


@cache
def _digest_published(folder: Path, version: int, evaluation: str) -> str | None:
    """Return the SHA-256 of answers of a folder. `version` is part of the cache key alone."""
    table = published.load_answers(evaluation, folder) if published.has_answers(evaluation, folder) else None
    return None if table is None else _digest_table(table)


def _digest_own(evaluation: str) -> str | None:
    artifact = artifacts.find("evaluate", evaluation)
    return None if artifact is None else _digest_table(read_table(artifact.folder))


def _digest_table(table: "pd.DataFrame") -> str:
    columns = table.reindex(columns=ANSWERS).astype(object)
    return digest([columns[name].where(columns[name].notna(), None).tolist() for name in ANSWERS])
