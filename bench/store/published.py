"""Results that are shipped as files: the rows, the answers that they stand on, and where they come from.

A folder of three Parquet files and `provenance.json`. What was made of the pictures, and the adapters, are not in it: a
row's command makes them again.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import JSON

from bench.errors import UserError
from bench.paths import write_whole
from bench.store import artifacts, results

FOLDER = Path(__file__).parents[2] / "leaderboard" / "results"
"""What is shipped with the leaderboard."""

LIMIT = 40 * 10**6
"""Bytes that a folder may have."""

ABOUT = "provenance.json"
RUNS, EVALUATIONS, ANSWERS = "runs.parquet", "evaluations.parquet", "answers.parquet"
ROLES = ("zero", "clean", "evaluate")
"""Stages of a run whose answers its score, its interval and its comparisons need."""

COLUMNS = results.Run.__table__.columns
KEPT_AS_TEXT = [column.name for column in COLUMNS if isinstance(column.type, JSON)]


def publish(runs: Sequence[results.Run], folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write runs and their answers into `folder`, in place of what is there, and give its provenance.

    about: what the reader should know beside counts and checksums. Raises UserError where answers are not at hand, or
    where it is more than `LIMIT`.
    """
    names = sorted({run.stages[role] for run in runs for role in ROLES})
    found = {name: artifacts.find("evaluate", name) for name in names}
    if missing := [name for name, artifact in found.items() if artifact is None]:
        raise UserError(
            f"results: the answers of {len(missing)} evaluations are not on this machine, {missing[0]} first"
        )
    here = [artifact for artifact in found.values() if artifact is not None]
    tables = {
        RUNS: pd.DataFrame([_plain(run) for run in sorted(runs, key=lambda run: run.id)]),
        EVALUATIONS: pd.DataFrame([_evaluation(artifact) for artifact in here]),
        ANSWERS: pd.concat([_answers(artifact) for artifact in here], ignore_index=True),
    }
    content = {name: table.to_parquet(None, compression="zstd", index=False) for name, table in tables.items()}
    size = sum(map(len, content.values()))
    if size > LIMIT:
        raise UserError(f"results: {size / 1e6:.1f} MB; allowed: {LIMIT / 1e6:.0f} MB")
    told = {
        **about,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": len(runs),
        "evaluations": len(here),
        "code": sorted({str(run.provenance.get("git")) for run in runs}),
        "hardware": _distinct(run.provenance.get("hardware") for run in runs),
        "packages": _distinct(run.provenance.get("packages") for run in runs),
        "files": {name: [len(data), hashlib.sha256(data).hexdigest()] for name, data in content.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        draft = folder / f".{name}.{os.getpid()}"
        draft.write_bytes(data)
        draft.replace(folder / name)
    write_whole(folder / ABOUT, json.dumps(told, indent=1, sort_keys=True) + "\n")
    return told


def _plain(run: results.Run) -> dict[str, Any]:
    """A row with JSON and time as text."""
    values = {column.name: getattr(run, column.name) for column in COLUMNS}
    texts = {name: json.dumps(values[name], sort_keys=True) for name in KEPT_AS_TEXT}
    return {**values, **texts, "created": values["created"].isoformat()}


def _evaluation(artifact: artifacts.Artifact) -> dict[str, str]:
    texts = {key: json.dumps(artifact.manifest[key], sort_keys=True) for key in ("payload", "cost")}
    return {"evaluation": artifact.identity, **texts}


def _answers(artifact: artifacts.Artifact) -> pd.DataFrame:
    table = pd.read_parquet(artifact.folder / "predictions.parquet")
    table.insert(0, "evaluation", artifact.identity)
    return table


def _distinct(values: Iterable[Any]) -> list[Any]:
    return [json.loads(text) for text in sorted({json.dumps(value, sort_keys=True) for value in values})]


def about(folder: Path | None = None) -> dict[str, Any] | None:
    """The provenance of a folder, else of what is shipped; None where there is none."""
    file = (folder or FOLDER) / ABOUT
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def take_in(folder: Path | None = None) -> int:
    """Add a folder, else what is shipped, to this home's results; its own rows stay. Gives how many are new.

    Raises UserError where a file is not the one that the provenance names.
    """
    folder = folder or FOLDER
    told = about(folder)
    if told is None:
        raise UserError(f"results: no {ABOUT} in {str(folder)!r}")
    for name, (_, digest) in told["files"].items():
        file = folder / Path(name).name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise UserError(f"results: {name} is missing or not the one that {ABOUT} names")
    answers = dict(iter(pd.read_parquet(folder / ANSWERS).groupby("evaluation", sort=False)))
    for row in pd.read_parquet(folder / EVALUATIONS).to_dict("records"):
        table = answers[row["evaluation"]].drop(columns="evaluation")
        work = partial(_written, table=table, cost=json.loads(row["cost"]))
        artifacts.make("evaluate", json.loads(row["payload"]), work)
    known = {run.id for run in results.load(quarantined=True)}
    new = [run for run in _runs(folder) if run.id not in known]
    for run in new:
        results.save(run)
    return len(new)


def _written(folder: Path, *, table: pd.DataFrame, cost: dict[str, float]) -> dict[str, float]:
    table.reset_index(drop=True).to_parquet(folder / "predictions.parquet")
    return cost


def _runs(folder: Path) -> Iterator[results.Run]:
    frame = pd.read_parquet(folder / RUNS).astype(object)
    for row in frame.where(frame.notna(), None).to_dict("records"):
        values = {name: json.loads(row[name]) if name in KEPT_AS_TEXT else row[name] for name in map(str, row)}
        yield results.Run(**{**values, "created": datetime.fromisoformat(row["created"])})
