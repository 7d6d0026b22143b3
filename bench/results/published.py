"""Results that come as files: the rows, and the answers that their scores, intervals and comparisons stand on.

A folder of two Parquet files and `provenance.json`, which `bench.results.export` writes. It is shown and never taken into
a home: whoever plays one of its runs again must get answers of their own. It is read with distrust, as it may come from
anywhere: sizes, checksums and the type of every column are compared before anything of it is used.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Boolean, Float, Integer

from bench.errors import UserError
from bench.results.rows import Moment, Run

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FOLDER = Path(__file__).parents[2] / "leaderboard" / "results"
"""What is shipped with the leaderboard."""

LIMIT = 40 * 10**6
"""Bytes that a folder may have."""

ABOUT = "provenance.json"
RUNS, ANSWERS = FILES = ("runs.parquet", "answers.parquet")

COLUMNS = Run.__table__.columns
ENCODED = [column.name for column in COLUMNS if isinstance(column.type, JSON)]
"""Columns of a row that are kept as JSON text."""


def schemas() -> "dict[str, pa.Schema]":
    """The columns of each file: of a run those of its table; of an answer the evaluation that gave it, and what
    `bench.stages.evaluate` keeps, in its order."""
    import pyarrow as pa

    kinds = {Boolean: pa.bool_(), Integer: pa.int64(), Float: pa.float64(), Moment: pa.timestamp("us", "UTC")}
    types = [next((kinds[kind] for kind in kinds if isinstance(each.type, kind)), pa.string()) for each in COLUMNS]
    fields = [pa.field(each.name, kind, bool(each.nullable)) for each, kind in zip(COLUMNS, types, strict=True)]
    named = [pa.field("evaluation", pa.string(), False), pa.field("image_id", pa.string(), False)]
    texts = [pa.field(name, pa.string()) for name in ("id", "question", "target", "prediction")]
    numbers = [pa.field("score", pa.float64(), False), pa.field("lenient", pa.float64())]
    return {RUNS: pa.schema(fields), ANSWERS: pa.schema([*named, *texts, *numbers])}


def about(folder: Path | None = None) -> dict[str, Any] | None:
    """The provenance of a folder, else of what is shipped; None where there is no such file.

    `files` has the size and the SHA-256 of each Parquet file; `bench.results.export.publish` says what else there is.
    Raises UserError where it lacks what is read of it.
    """
    file = (folder or FOLDER) / ABOUT
    try:
        if not file.is_file():
            return None
        if file.stat().st_size > LIMIT:
            raise _bad(ABOUT, "too large")
        told = json.loads(file.read_bytes())
        suites = {
            str(name): {
                "planned": int(entry["planned"]),
                "not_played": {str(key): str(command) for key, command in entry["not_played"].items()},
            }
            for name, entry in told["suites"].items()
        }
        files = {name: (int(told["files"][name][0]), str(told["files"][name][1])) for name in FILES}
        known = {"runs": int(told["runs"]), "created": str(told["created"]), "suites": suites, "files": files}
        return {**told, **known}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _bad(ABOUT, "it cannot be read as the provenance of results") from error


def runs(folder: Path | None = None) -> list[Run]:
    """The rows, oldest first, in no session; [] where there is no folder. Raises UserError where it is damaged."""
    made = []
    for row in _table(folder, RUNS).to_pylist():
        try:
            made.append(Run(**row | {name: json.loads(row[name]) for name in ENCODED}))
        except (ValueError, RecursionError) as error:
            raise _bad(RUNS, "a column of JSON is none") from error
    return sorted(made, key=lambda run: (run.created, run.id))


def answers(evaluation: str, folder: Path | None = None) -> "pd.DataFrame | None":
    """The answers of an evaluation; None where they are not in the folder. Raises UserError where it is damaged."""
    table, place = _table(folder, ANSWERS), _places(*stamp(folder)).get(evaluation)
    return None if place is None else table.slice(*place).drop_columns(["evaluation"]).to_pandas()


def has(evaluation: str, folder: Path | None = None) -> bool:
    """Whether the answers of an evaluation are in the folder. Raises UserError where it is damaged."""
    return evaluation in _places(*stamp(folder))


def stamp(folder: Path | None = None) -> tuple[Path, int]:
    """The folder, and a number that changes when it is written again."""
    folder = folder or FOLDER
    file = folder / ABOUT
    return folder, file.stat().st_mtime_ns if file.is_file() else 0


def _table(folder: Path | None, name: str) -> "pa.Table":
    return _read(*stamp(folder))[name]


@cache
def _read(folder: Path, stamp: int) -> "dict[str, pa.Table]":
    """Both tables, checked; empty ones where there is no folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    told = about(folder)
    if told is None:
        return {name: schema.empty_table() for name, schema in schemas().items()}
    tables = {}
    for name, schema in schemas().items():
        size, digest = told["files"][name]
        file = folder / name
        if not file.is_file() or file.stat().st_size != size:
            raise _bad(name, f"missing, or not as large as {ABOUT} says")
        if size > LIMIT:
            raise _bad(name, f"{size / 1e6:.1f} MB; allowed: {LIMIT / 1e6:.0f} MB")
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise _bad(name, f"not the file that {ABOUT} names")
        try:
            if not pq.read_schema(pa.BufferReader(content)).equals(schema):
                raise _bad(name, "its columns are not those that this version of the suite writes")
            tables[name] = pq.read_table(pa.BufferReader(content))
        except (pa.ArrowException, OSError) as error:
            raise _bad(name, "it cannot be read as Parquet") from error
    return tables


@cache
def _places(folder: Path, stamp: int) -> dict[str, tuple[int, int]]:
    """Where the answers of each evaluation begin, and how many they are: they lie together."""
    found: dict[str, tuple[int, int]] = {}
    for row, name in enumerate(_read(folder, stamp)[ANSWERS]["evaluation"].to_pylist()):
        begin, count = found.get(name, (row, 0))
        found[name] = (begin, count + 1)
    return found


def _bad(name: str, reason: str) -> UserError:
    return UserError(f"published results: {name}: {reason}")
