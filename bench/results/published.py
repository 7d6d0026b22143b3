"""Published results: read the rows, and the answers behind their scores, intervals and comparisons, from files.

A folder holds Parquet files and `provenance.json`; `bench.results.export` writes them. Rows and answers are always
there; a folder may lack pictures and curves. Published results are shown,
but never copied into a home: whoever plays one of the runs again must compute the answers anew. The files may come from
anywhere: sizes, checksums, types of columns and every field are checked before anything is used, and no more is decoded
than `MAX_DECODED`. A bad row or a bad file is left out and told, the others stay.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Boolean, Float, Integer

from bench.command import rewrite_command
from bench.errors import UserError
from bench.results import curves, gallery
from bench.results.bounded import read_bounded
from bench.results.groups import index_groups
from bench.results.rows import Run, UtcDateTime
from bench.results.rows_from_elsewhere import check_row, describe_fault
from bench.samples import SampleSet

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FOLDER = Path(__file__).parents[2] / "leaderboard" / "results"
"""The results that come with the leaderboard."""

MAX_BYTES = 40 * 10**6
"""The size that a folder may have."""

MAX_EXTRA = 8 * 10**6
"""The size that each of `EXTRAS` may have."""

MAX_PROVENANCE = 4 * 10**6
MAX_CELL = 64 * 1024
"""Bytes of a text of a row or of an answer."""

IDENTITY = re.compile(r"[0-9a-f]{16}")

PROVENANCE = "provenance.json"
RUNS = "runs.parquet"
ANSWERS = "answers.parquet"
FILES = (RUNS, ANSWERS)

GALLERY = "gallery.parquet"
CURVES = "curves.parquet"
EXTRAS = (GALLERY, CURVES)
"""Files that a folder may lack: a few pictures of each release, and losses of the stages."""

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
    extras = {GALLERY: gallery.build_schema(), CURVES: curves.build_schema()}
    return {RUNS: pa.schema(fields), ANSWERS: pa.schema([*names, *texts, *numbers]), **extras}


def read_provenance(folder: Path | None = None) -> dict[str, Any] | None:
    """Return the provenance of a folder, by default of `FOLDER`; None where the file is missing.

    `files` has the size and the SHA-256 of each Parquet file. `bench.results.export.publish` lists the other entries.
    Raises UserError where an entry that this suite reads is missing or of another type. Commands are written anew.
    """
    file = (folder or FOLDER) / PROVENANCE
    try:
        if not file.is_file():
            return None
        if file.stat().st_size > MAX_PROVENANCE:
            raise _damage_error(PROVENANCE, "too large")
        content = json.loads(file.read_bytes())
        suites = {
            _check_name(name): {
                "planned": int(entry["planned"]),
                "not_played": {
                    _check_identity(key): rewrite_command(str(command)) for key, command in entry["not_played"].items()
                },
            }
            for name, entry in content["suites"].items()
        }
        names = [*FILES, *(name for name in EXTRAS if name in content["files"])]
        files = {name: (int(content["files"][name][0]), str(content["files"][name][1])) for name in names}
        runs, created = int(content["runs"]), datetime.fromisoformat(content["created"]).isoformat(timespec="seconds")
        return {**content, "runs": runs, "created": created, "suites": suites, "files": files}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damage_error(PROVENANCE, "it cannot be read as the provenance of results") from error


def load_runs(folder: Path | None = None) -> list[Run]:
    """Return the rows that are right, oldest first, outside any session; [] without a folder.

    Raises UserError where the file is damaged. `load_faults` tells what is left out.
    """
    return sorted(_check_rows(folder)[0], key=lambda run: (run.created, run.id))


def load_faults(folder: Path | None = None) -> list[str]:
    """Return one line for each row, each evaluation and each file that is left out because it is wrong."""
    faults: list[str] = []
    checks: dict[str, Callable[[], list[str]]] = {
        RUNS: lambda: _check_rows(folder)[1],
        ANSWERS: lambda: _index(*cache_key(folder))[1],
        GALLERY: lambda: _index_gallery(*cache_key(folder))[1],
        CURVES: lambda: _index_curves(*cache_key(folder))[1],
    }
    for name, check in checks.items():
        try:
            faults += [f"published results: {name}: {fault}" for fault in check()]
        except UserError as error:
            faults.append(str(error))
    return list(dict.fromkeys(faults))


def load_answers(evaluation: str, folder: Path | None = None) -> "pd.DataFrame | None":
    """Return the answers of an evaluation; None where the folder lacks them. Raises UserError where it is damaged."""
    rows = _index(*cache_key(folder))[0].get(evaluation)
    if rows is None:
        return None
    table: pd.DataFrame = _read_file(*cache_key(folder), ANSWERS).slice(*rows).drop_columns(["evaluation"]).to_pandas()
    return table


def has_answers(evaluation: str, folder: Path | None = None) -> bool:
    """Return True if the folder has the answers of an evaluation. A damaged file has none; `load_faults` tells it."""
    try:
        return evaluation in _index(*cache_key(folder))[0]
    except UserError:
        return False


def load_gallery(artefact: str, folder: Path | None = None) -> SampleSet | None:
    """Return a few samples of a release, or of the data before it, by its identity; None where the folder lacks them.

    Raises UserError where they are damaged.
    """
    rows = _index_gallery(*cache_key(folder))[0].get(artefact)
    return gallery.read(_read_file(*cache_key(folder), GALLERY), rows) if rows else None


def load_curve(role: str, artefact: str, folder: Path | None = None) -> "pd.DataFrame | None":
    """Return the losses of a stage as `curves.read_log` does; None where the folder lacks them."""
    rows = _index_curves(*cache_key(folder))[0].get(artefact)
    table = _read_file(*cache_key(folder), CURVES)
    return curves.read(table.slice(*rows), curves.LOGS[role].counter) if rows else None


def cache_key(folder: Path | None = None) -> tuple[Path, int]:
    """Return the folder, and a number that changes when it is written again."""
    folder = folder or FOLDER
    file = folder / PROVENANCE
    return folder, file.stat().st_mtime_ns if file.is_file() else 0


@cache
def _read_file(folder: Path, version: int, name: str) -> "pa.Table":
    """Check and return a table; an empty one without a folder. `version` is part of the cache key alone."""
    provenance, schema = read_provenance(folder), build_schemas()[name]
    if provenance is None or name not in provenance["files"]:
        return schema.empty_table()
    size, digest = provenance["files"][name]
    file = folder / name
    if not file.is_file() or file.stat().st_size != size:
        raise _damage_error(name, f"missing, or not as large as {PROVENANCE} says")
    limit = MAX_EXTRA if name in EXTRAS else MAX_BYTES
    if size > limit:
        raise _damage_error(name, f"{size / 1e6:.1f} MB; allowed: {limit / 1e6:.0f} MB")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise _damage_error(name, f"not the file that {PROVENANCE} names")
    try:
        return read_bounded(content, schema)
    except ValueError as error:
        raise _damage_error(name, str(error)) from error


def _check_rows(folder: Path | None) -> tuple[list[Run], list[str]]:
    """Return the rows that are right, and what is wrong with each of the others."""
    table = _read_file(*cache_key(folder), RUNS)
    columns = [column.cast(_UNCHECKED.get(str(column.type), column.type)).to_pylist() for column in table.columns]
    runs: dict[str, Run] = {}
    faults = []
    for number, cells in enumerate(zip(*columns, strict=True), start=1):
        try:
            run = check_row({name: _decode(name, cell) for name, cell in zip(table.column_names, cells, strict=True)})
            if run.id in runs:
                raise ValueError("id: there is another row of it")
        except ValueError as error:
            faults.append(f"row {number} is left out: {describe_fault(error)}")
        else:
            runs[run.id] = run
    return list(runs.values()), faults


_UNCHECKED = {"string": "binary", "timestamp[us, tz=UTC]": "int64"}
"""Types of columns as which any value can be read, to be checked row by row."""


def _decode(column: str, cell: Any) -> Any:
    """Return a cell as `check_row` takes it. Raises ValueError for text that is too long, not UTF-8, or not JSON."""
    if not isinstance(cell, bytes):
        return cell
    if len(cell) > MAX_CELL:
        raise ValueError(f"{column}: {len(cell)} bytes; allowed: {MAX_CELL}")
    try:
        return json.loads(cell) if column in JSON_COLUMNS else cell.decode()
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{column}: allowed: {'JSON' if column in JSON_COLUMNS else 'UTF-8 text'}") from error


@cache
def _index(folder: Path, version: int) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Return the first row and the number of rows of each evaluation that is right, and what is wrong with the others.

    The rows of an evaluation are contiguous. `version` is part of the cache key alone.
    """
    return index_groups(_read_file(folder, version, ANSWERS), "evaluation", "evaluation", _find_fault)


@cache
def _index_gallery(folder: Path, version: int) -> tuple[dict[str, list[int]], list[str]]:
    return gallery.index(_read_file(folder, version, GALLERY))


@cache
def _index_curves(folder: Path, version: int) -> tuple[dict[str, tuple[int, int]], list[str]]:
    return curves.index(_read_file(folder, version, CURVES))


def _find_fault(evaluation: str, answers: "pa.Table") -> str:
    """Return what is wrong with the answers of an evaluation, or ""."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not IDENTITY.fullmatch(evaluation):
        return "allowed: 16 hexadecimal digits"
    for column in answers.schema:
        cells = answers[column.name]
        if pa.types.is_string(column.type):
            try:
                cells.validate(full=True)
            except pa.ArrowInvalid:
                return f"{column.name}: not UTF-8"
            if (pc.max(pc.binary_length(cells)).as_py() or 0) > MAX_CELL:
                return f"{column.name}: a text of over {MAX_CELL} bytes"
        elif not pc.all(pc.and_(pc.greater_equal(cells, 0), pc.less_equal(cells, 1)), min_count=0).as_py():
            return f"{column.name}: allowed: 0 to 1"
    return ""


def _check_identity(text: str) -> str:
    if not IDENTITY.fullmatch(text):
        raise ValueError("allowed: 16 hexadecimal digits")
    return text


def _check_name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,80}", text, re.ASCII):
        raise ValueError("allowed: letters, digits, _ . -")
    return text


def _damage_error(name: str, reason: str) -> UserError:
    return UserError(f"published results: {name}: {reason}")
