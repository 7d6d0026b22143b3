"""Care for a home: report its size, check every byte of its artefacts, and remove what nobody can use."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite
from typing import TypedDict

from bench.errors import UserError
from bench.paths import home
from bench.store import folders
from bench.store.checksums import BrokenFolder
from bench.store.folders import StoredArtifact

VARIABLE = "BENCH_CACHE_GB"


class Usage(TypedDict):
    """The artefacts of one kind of stage: how many, their megabytes, and the last use (ISO 8601 in UTC, or None)."""

    stage: str
    artefacts: int
    mb: float
    used: str | None


def parse_gigabytes(text: str, field: str) -> float:
    """Return the bytes that a text in gigabytes means. Raises UserError that names the field.

    >>> parse_gigabytes("0.5", "BENCH_CACHE_GB")
    500000000.0
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise UserError(f"{field}: {text!r}; allowed: a number of gigabytes from 0, for example 20 or 0.5")
    return value * 1e9


def read_limit() -> float | None:
    """Return the limit of `$BENCH_CACHE_GB` in bytes, or None where it is not set. Raises UserError."""
    text = os.environ.get(VARIABLE)
    return parse_gigabytes(text, VARIABLE) if text else None


def summarise_usage() -> list[Usage]:
    """Return the disk usage of each kind of stage, and of all together in the last row, "all".

    Artefacts that were set aside, and what processes that have ended left unfinished, have rows of their own.
    """
    sizes: dict[str, list[tuple[int, float]]] = {}
    for artifact in folders.list_finished():
        sizes.setdefault(artifact.kind, []).append((artifact.size, artifact.last_use))
    for name, paths in (("(set aside)", folders.list_set_aside()), ("(unfinished)", folders.list_drafts())):
        if paths:
            sizes[name] = [(folders.disk_size(path), path.stat().st_mtime) for path in paths]
    rows = [_summarise(name, sizes[name]) for name in sorted(sizes)]
    return [*rows, _summarise("all", [pair for pairs in sizes.values() for pair in pairs])]


def _summarise(name: str, sizes: list[tuple[int, float]]) -> Usage:
    last_use = max((time for _, time in sizes), default=None)
    megabytes = round(sum(size for size, _ in sizes) / 1e6, 3)
    text = None if last_use is None else datetime.fromtimestamp(last_use, UTC).isoformat(timespec="seconds")
    return {"stage": name, "artefacts": len(sizes), "mb": megabytes, "used": text}


def verify() -> Iterator[tuple[StoredArtifact, str | None]]:
    """Check every byte of every artefact, and set the broken ones aside. Yield each with its fault, or None."""
    for artifact in folders.list_all():
        try:
            inode = artifact.folder.stat().st_ino
        except FileNotFoundError:  # another process has removed it since
            continue
        try:
            artifact.check()
        except BrokenFolder as error:
            folders.set_aside(artifact, inode, str(error))
            yield artifact, str(error)
        else:
            yield artifact, None


def sweep(*, dry_run: bool = False) -> dict[str, int]:
    """Remove artefacts that were set aside, and what processes that have ended left unfinished.

    Return the bytes freed, by path in the home. `dry_run` removes nothing. Files of other programs stay. Raises
    UserError in a folder that is not a home of the suite.
    """
    folders.require_mark()
    paths = [*folders.list_drafts(), *folders.list_set_aside()]
    freed = {str(path.relative_to(home())): folders.disk_size(path) for path in paths}
    for path in paths:
        if not dry_run:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return freed
