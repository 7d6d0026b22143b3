"""Published results: read the rows, and the answers behind their scores, intervals and comparisons, from files.

A folder holds two Parquet files and `provenance.json`; `bench.results.export` writes them. Published results are shown,
but never copied into a home: whoever plays one of the runs again must compute the answers anew. The files may come from
anywhere, so sizes, checksums and the type of every column are checked before anything is used.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Boolean, Float, Integer

from bench.errors import UserError
from bench.results.rows import Run, UtcDateTime

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FOLDER = Path(__file__).parents[2] / "leaderboard" / "results"
"""The results that come with the leaderboard."""

MAX_BYTES = 40 * 10**6
"""The size that a folder may have."""

PROVENANCE = "provenance.json"
RUNS = "runs.parquet"
ANSWERS = "answers.parquet"
FILES = (RUNS, ANSWERS)

COLUMNS = Run.__table__.columns
JSON_COLUMNS = [column.name for column in COLUMNS if isinstance(column.type, JSON)]
"""Columns of a row that are stored as JSON text."""


def build_schemas() -> "dict[str, pa.Schema]":
    """Return the columns of each file.

    A run has the columns of its table. An answer has the identity of its evaluation and the columns of
    `bench.store.predictions`.
    """
    import pyarrow as pa

    types = {Boolean: pa.bool_(), Integer: pa.int64(), Float: pa.float64(), UtcDateTime: pa.timestamp("us", "UTC")}
    fields = []
    for column in COLUMNS:
        arrow_type = next((types[sql_type] for sql_type in types if isinstance(column.type, sql_type)), pa.string())
        fields.append(pa.field(column.name, arrow_type, bool(column.nullable)))
    names = [pa.field("evaluation", pa.string(), False), pa.field("image_id", pa.string(), False)]
    texts = [pa.field(name, pa.string()) for name in ("id", "question", "target", "prediction")]
    numbers = [pa.field("score", pa.float64(), False), pa.field("lenient", pa.float64())]
    return {RUNS: pa.schema(fields), ANSWERS: pa.schema([*names, *texts, *numbers])}


def read_provenance(folder: Path | None = None) -> dict[str, Any] | None:
    """Return the provenance of a folder, by default of `FOLDER`; None where the file is missing.

    `files` has the size and the SHA-256 of each Parquet file. `bench.results.export.publish` lists the other entries.
    Raises UserError where an entry that this suite reads is missing or of another type.
    """
    file = (folder or FOLDER) / PROVENANCE
    try:
        if not file.is_file():
            return None
        if file.stat().st_size > MAX_BYTES:
            raise _damage_error(PROVENANCE, "too large")
        content = json.loads(file.read_bytes())
        suites = {
            str(name): {
                "planned": int(entry["planned"]),
                "not_played": {str(key): str(command) for key, command in entry["not_played"].items()},
            }
            for name, entry in content["suites"].items()
        }
        files = {name: (int(content["files"][name][0]), str(content["files"][name][1])) for name in FILES}
        runs, created = int(content["runs"]), str(content["created"])
        return {**content, "runs": runs, "created": created, "suites": suites, "files": files}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damage_error(PROVENANCE, "it cannot be read as the provenance of results") from error


def load_runs(folder: Path | None = None) -> list[Run]:
    """Return the rows, oldest first, outside any session; [] without a folder. Raises UserError where it is damaged."""
    runs = []
    for row in _read_file(folder, RUNS).to_pylist():
        try:
            runs.append(Run(**row | {name: json.loads(row[name]) for name in JSON_COLUMNS}))
        except (ValueError, RecursionError) as error:
            raise _damage_error(RUNS, "a column of JSON is none") from error
    return sorted(runs, key=lambda run: (run.created, run.id))


def load_answers(evaluation: str, folder: Path | None = None) -> "pd.DataFrame | None":
    """Return the answers of an evaluation; None where the folder lacks them. Raises UserError where it is damaged."""
    table, rows = _read_file(folder, ANSWERS), _row_ranges(*cache_key(folder)).get(evaluation)
    return None if rows is None else table.slice(*rows).drop_columns(["evaluation"]).to_pandas()


def has_answers(evaluation: str, folder: Path | None = None) -> bool:
    """Return True if the folder has the answers of an evaluation. Raises UserError where it is damaged."""
    return evaluation in _row_ranges(*cache_key(folder))


def cache_key(folder: Path | None = None) -> tuple[Path, int]:
    """Return the folder, and a number that changes when it is written again."""
    folder = folder or FOLDER
    file = folder / PROVENANCE
    return folder, file.stat().st_mtime_ns if file.is_file() else 0


def _read_file(folder: Path | None, name: str) -> "pa.Table":
    return _read_files(*cache_key(folder))[name]


@cache
def _read_files(folder: Path, version: int) -> "dict[str, pa.Table]":
    """Check and return both tables; empty ones without a folder. `version` is part of the cache key alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    provenance = read_provenance(folder)
    if provenance is None:
        return {name: schema.empty_table() for name, schema in build_schemas().items()}
    tables = {}
    for name, schema in build_schemas().items():
        size, digest = provenance["files"][name]
        file = folder / name
        if not file.is_file() or file.stat().st_size != size:
            raise _damage_error(name, f"missing, or not as large as {PROVENANCE} says")
        if size > MAX_BYTES:
            raise _damage_error(name, f"{size / 1e6:.1f} MB; allowed: {MAX_BYTES / 1e6:.0f} MB")
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise _damage_error(name, f"not the file that {PROVENANCE} names")
        try:
            if not pq.read_schema(pa.BufferReader(content)).equals(schema):
                raise _damage_error(name, "its columns are not those that this version of the suite writes")
            tables[name] = pq.read_table(pa.BufferReader(content))
        except (pa.ArrowException, OSError) as error:
            raise _damage_error(name, "it cannot be read as Parquet") from error
    return tables


@cache
def _row_ranges(folder: Path, version: int) -> dict[str, tuple[int, int]]:
    """Return the first row and the number of rows of each evaluation. The rows of an evaluation are contiguous."""
    ranges: dict[str, tuple[int, int]] = {}
    for row, name in enumerate(_read_files(folder, version)[ANSWERS]["evaluation"].to_pylist()):
        first, count = ranges.get(name, (row, 0))
        ranges[name] = (first, count + 1)
    return ranges


def _damage_error(name: str, reason: str) -> UserError:
    return UserError(f"published results: {name}: {reason}")
