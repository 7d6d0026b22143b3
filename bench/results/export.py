"""Write results as files that can be published; `bench.results.published` reads them."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import UserError
from bench.paths import write_atomic
from bench.results import curves, entries, gallery, published
from bench.results.own import is_open
from bench.results.published import ANSWERS, COLUMNS, CURVES, GALLERY, JSON_COLUMNS, MAX_BYTES, PROVENANCE, RUNS
from bench.results.rows import Run
from bench.results.rows_from_elsewhere import PRIVATE_PLACE
from bench.samples import Sample, SampleSet
from bench.store import artifacts
from bench.store.predictions import read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROLES = ("clean", "evaluate")
"""Stages of a run whose answers its score, its interval and its comparisons need, besides those of its baselines."""

LoadAnswers = Callable[[str], "pd.DataFrame | None"]
"""Returns the answers of an evaluation by its identity, or None where they are missing."""

PlannedCommands = Mapping[str, Mapping[str, str]]
"""The commands of a suite's runs by the name of the suite, then by the identity of the run."""


def publish(
    runs: Sequence[Run],
    folder: Path,
    suites: PlannedCommands | None = None,
    *,
    own: Collection[str] = (),
    replace: bool = False,
    load_answers: LoadAnswers | None = None,
) -> dict[str, Any]:
    """Write runs, their answers, and a few of their pictures and losses into `folder`, and return the provenance.

    Rows on own data are left out, and counted as `own_left_out` in what is returned, unless `own` names the data.
    Rows that the folder has already stay, except those in `runs` and those in quarantine; `replace` drops them all.
    `suites` are the planned runs. Those without a row are listed as not played. `load_answers` gives the answers of an
    evaluation; by default they come from this home, else from the folder.

    The provenance has `created`, `runs`, `evaluations` and `suites` (each with `planned`, and `not_played`: commands by
    identity); the distinct `protocols`, `evaluators`, `versions`, `commits`, `packages`, `python` and `hardware` of the
    rows; and `files`.

    Raises UserError, and writes nothing, where answers are missing, where a row names a path or an address, or where
    the files exceed `MAX_BYTES`.
    """
    previous = None if replace else published.read_provenance(folder)
    old_runs = [] if previous is None else [run for run in published.load_runs(folder) if not run.quarantine]
    everything = {run.id: run for run in [*old_runs, *runs]}
    by_identity = {key: run for key, run in everything.items() if is_open(run.dataset, run.effects, own)}
    rows = [by_identity[identity] for identity in sorted(by_identity)]
    if not rows:
        raise UserError(
            "results: no run that may be compared is at hand, besides those on own data that --own does not name"
        )
    for run in rows:
        if match := PRIVATE_PLACE.search(json.dumps(_encode(run), default=str)):
            raise UserError(f"results: run {run.id} names a path or an address, {match[0]!r}: it is not published")
    evaluations = sorted({run.stages[role] for run in rows for role in (*ROLES, *(run.baselines or ("zero",)))})
    files = _build_files(rows, evaluations, load_answers or partial(_load_answers, folder))
    files[GALLERY] = _to_parquet(gallery.collect(rows, partial(_load_samples, folder)))
    files[CURVES] = _to_parquet(curves.collect(rows, partial(_load_curve, folder)))
    plans = {name: {"planned": len(plan), "not_played": dict(plan)} for name, plan in (suites or {}).items()}
    provenance = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": len(rows),
        "evaluations": len(evaluations),
        "entries": _collect_cards(rows, previous or {}),
        "suites": _drop_played({**(previous or {}).get("suites", {}), **plans}, by_identity),
        "protocols": _distinct(run.protocol for run in rows),
        "evaluators": _distinct(run.evaluator for run in rows),
        "versions": _distinct(run.code for run in rows),
        "commits": _distinct([run.provenance.get("git"), run.provenance.get("dirty")] for run in rows),
        **{name: _distinct(run.provenance.get(name) for run in rows) for name in ("packages", "python", "hardware")},
        "files": {name: [len(data), hashlib.sha256(data).hexdigest()] for name, data in files.items()},
    }
    text = json.dumps(provenance, indent=1) + "\n"
    size = sum(map(len, files.values())) + len(text)
    if size > MAX_BYTES:
        raise UserError(f"results: {size / 1e6:.1f} MB; allowed: {MAX_BYTES / 1e6:.0f} MB")
    for name, data in {**files, PROVENANCE: text.encode()}.items():
        write_atomic(folder / name, data)
    return {**provenance, "own_left_out": len(everything) - len(rows)}


def _collect_cards(runs: Iterable[Run], previous: Mapping[str, Any]) -> dict[str, Any]:
    """Return the titles and authors of the entries that have rows; of two, those that were published first."""
    cards = {**entries.load_cards(), **entries.check_cards(previous.get("entries"))}
    keys = {
        key
        for run in runs
        for key in (
            entries.identify_defense(run.defense, run.defense_options),
            entries.identify_attack(run.attack, run.attack_options),
        )
    }
    return {key: cards[key].model_dump() for key in sorted(keys & cards.keys())}


def _drop_played(suites: dict[str, dict[str, Any]], rows: Mapping[str, Run]) -> dict[str, dict[str, Any]]:
    """Return the suites, with only those runs in `not_played` that have no row."""
    return {
        name: suite | {"not_played": {key: command for key, command in suite["not_played"].items() if key not in rows}}
        for name, suite in suites.items()
    }


def _build_files(runs: Sequence[Run], evaluations: Sequence[str], load_answers: LoadAnswers) -> dict[str, bytes]:
    """Return the content of the Parquet files. Answers that several runs share are written once."""
    import pyarrow as pa

    schemas = published.build_schemas()
    tables, missing = [], []
    for evaluation in evaluations:
        answers = load_answers(evaluation)
        if answers is None:
            missing.append(evaluation)
        else:
            tables.append(_to_arrow(answers.assign(evaluation=evaluation), schemas[ANSWERS]))
    if missing:
        raise UserError(f"results: the answers of {len(missing)} evaluations are not at hand, {missing[0]} first")
    rows = pa.Table.from_pylist([_encode(run) for run in runs], schemas[RUNS])
    return {RUNS: _to_parquet(rows), ANSWERS: _to_parquet(pa.concat_tables(tables))}


def _load_answers(folder: Path, evaluation: str) -> "pd.DataFrame | None":
    """Return the answers of an evaluation: from this home after a check, else from the results in the folder."""
    artifact = artifacts.find("evaluate", evaluation)
    return published.load_answers(evaluation, folder) if artifact is None else read_table(artifact.folder)


def _load_samples(folder: Path, identity: str) -> Sequence[Sample] | None:
    """Return the samples of a release: from this home after a check, else from the gallery of the folder."""
    artifact = artifacts.find("protect", identity)
    return published.load_gallery(identity, folder) if artifact is None else SampleSet.load(artifact.folder)


def _load_curve(folder: Path, role: str, identity: str) -> "pd.DataFrame | None":
    """Return the losses of a stage: from this home after a check, else from the folder."""
    artifact = artifacts.find(role, identity)
    if artifact is None:
        return published.load_curve(role, identity, folder)
    log = curves.LOGS[role]
    return curves.read_log(artifact, log) if (artifact.folder / log.file).is_file() else None


def _to_arrow(answers: "pd.DataFrame", schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    table = pa.Table.from_pandas(answers.reindex(columns=schema.names), schema, preserve_index=False)
    return table.replace_schema_metadata()


def _to_parquet(table: "pa.Table") -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=19)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _encode(run: Run) -> dict[str, Any]:
    """Return the columns of a row, with JSON as text."""
    values = {column.name: getattr(run, column.name) for column in COLUMNS}
    return values | {name: json.dumps(values[name]) for name in JSON_COLUMNS}


def _distinct(values: Iterable[Any]) -> list[Any]:
    return [json.loads(text) for text in sorted({json.dumps(value, sort_keys=True) for value in values})]
