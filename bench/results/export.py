"""Results written as files that travel: see `bench.results.published`, which reads them."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import UserError
from bench.paths import write_whole
from bench.results import published
from bench.results.published import ABOUT, ANSWERS, COLUMNS, ENCODED, LIMIT, RUNS, schemas
from bench.results.rows import Run
from bench.store import artifacts

if TYPE_CHECKING:
    import pyarrow as pa

ROLES = ("zero", "clean", "evaluate")
"""Stages of a run whose answers its score, its interval and its comparisons need."""

PRIVATE = re.compile(r"(?<![\w/.])(~?/|\.\.?/|[A-Za-z]:\\)[^\s\"']|://|file:")
"""A path or an address in a row would tell where somebody keeps what. `8/255` is none."""

Plan = Mapping[str, Mapping[str, str]]
"""Commands of a suite's runs by their identity, by the suite's name."""


def publish(runs: Sequence[Run], folder: Path, suites: Plan | None = None, *, replace: bool = False) -> dict[str, Any]:
    """Write runs and their answers into `folder`, and give its provenance.

    Rows that are there and not in `runs` stay, unless `replace`; those in quarantine go. `suites`: what was planned;
    what of it is in no row is told as not played. Provenance: `created`, `runs`, `evaluations`, `suites` (each with
    `planned` and `not_played`, commands by identity), the `protocols`, `evaluators`, `versions`, `commits`, `packages`,
    `python` and `hardware` of the rows, and `files`. Raises UserError, and writes nothing, where answers are not at
    hand, where a row names a path, or where it is more than `LIMIT`.
    """
    before = None if replace else published.about(folder)
    old = [] if before is None else [run for run in published.runs(folder) if not run.quarantine]
    rows = {run.id: run for run in [*old, *runs]}
    every = [rows[key] for key in sorted(rows)]
    if not every:
        raise UserError("results: no run that may be compared is at hand")
    for run in every:
        if found := PRIVATE.search(json.dumps(_plain(run), default=str)):
            raise UserError(f"results: run {run.id} names a path or an address, {found[0]!r}: it is not published")
    content, evaluations = _content(every, folder)
    planned = {**(before or {}).get("suites", {}), **{name: _coverage(plan) for name, plan in (suites or {}).items()}}
    told = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": len(every),
        "evaluations": evaluations,
        "suites": {
            name: entry | {"not_played": {key: line for key, line in entry["not_played"].items() if key not in rows}}
            for name, entry in planned.items()
        },
        "protocols": _distinct(run.protocol for run in every),
        "evaluators": _distinct(run.evaluator for run in every),
        "versions": _distinct(run.code for run in every),
        "commits": _distinct([run.provenance.get("git"), run.provenance.get("dirty")] for run in every),
        **{name: _distinct(run.provenance.get(name) for run in every) for name in ("packages", "python", "hardware")},
        "files": {name: [len(data), hashlib.sha256(data).hexdigest()] for name, data in content.items()},
    }
    text = json.dumps(told, indent=1) + "\n"
    size = sum(map(len, content.values())) + len(text)
    if size > LIMIT:
        raise UserError(f"results: {size / 1e6:.1f} MB; allowed: {LIMIT / 1e6:.0f} MB")
    for name, data in {**content, ABOUT: text.encode()}.items():
        write_whole(folder / name, data)
    return told


def _content(runs: Sequence[Run], folder: Path) -> tuple[dict[str, bytes], int]:
    """The Parquet files, and of how many evaluations the answers are: those that runs share are written once."""
    import pyarrow as pa

    wanted = sorted({run.stages[role] for run in runs for role in ROLES})
    schema, tables, missing = schemas(), [], []
    for name in wanted:
        if (table := _answers(name, folder, schema[ANSWERS])) is None:
            missing.append(name)
        else:
            tables.append(table)
    if missing:
        raise UserError(f"results: the answers of {len(missing)} evaluations are not at hand, {missing[0]} first")
    rows = pa.Table.from_pylist([_plain(run) for run in runs], schema[RUNS])
    return {RUNS: _bytes(rows), ANSWERS: _bytes(pa.concat_tables(tables))}, len(wanted)


def _answers(evaluation: str, folder: Path, schema: "pa.Schema") -> "pa.Table | None":
    """The answers of an evaluation of this home, else of what was published in the folder before."""
    import pandas as pd
    import pyarrow as pa

    artifact = artifacts.find("evaluate", evaluation)
    if artifact is None:
        table = published.answers(evaluation, folder)
    else:
        table = pd.read_parquet(artifact.folder / "predictions.parquet")
    if table is None:
        return None
    return pa.Table.from_pandas(
        table.assign(evaluation=evaluation).reindex(columns=schema.names), schema, preserve_index=False
    ).replace_schema_metadata()


def _bytes(table: "pa.Table") -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=19)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _plain(run: Run) -> dict[str, Any]:
    """A row with JSON as text."""
    values = {column.name: getattr(run, column.name) for column in COLUMNS}
    return values | {name: json.dumps(values[name]) for name in ENCODED}


def _coverage(plan: Mapping[str, str]) -> dict[str, Any]:
    return {"planned": len(plan), "not_played": dict(plan)}


def _distinct(values: Iterable[Any]) -> list[Any]:
    return [json.loads(text) for text in sorted({json.dumps(value, sort_keys=True) for value in values})]
