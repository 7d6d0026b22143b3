"""The artefacts of a home: how much there is, a check of every byte, and the removal of what nobody can use."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.paths import home
from bench.store import shelf
from bench.store.checksums import Broken
from bench.store.shelf import Shelved

VARIABLE = "BENCH_CACHE_GB"


def gigabytes(text: str, field: str) -> float:
    """Return a limit in bytes from a text in gigabytes. Raises UserError that names the field."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise UserError(f"{field}: {text!r}; allowed: a number of gigabytes from 0, for example 20 or 0.5")
    return value * 1e9


def limit() -> float | None:
    """Return the limit of `$BENCH_CACHE_GB` in bytes, or None where it is not set. Raises UserError."""
    text = os.environ.get(VARIABLE)
    return gigabytes(text, VARIABLE) if text else None


def usage() -> list[dict[str, Any]]:
    """Return one row a kind of stage, and their sum: artefacts, megabytes, and the time of the last use.

    The time is ISO 8601 in UTC, None where there is nothing. Artefacts that were set aside and drafts of dead processes
    have rows of their own.
    """
    sizes: dict[str, list[tuple[int, float]]] = {}
    for artifact in shelf.finished():
        sizes.setdefault(artifact.stage, []).append((artifact.size, artifact.used))
    for name, paths in (("(set aside)", _broken()), ("(unfinished)", shelf.drafts())):
        if paths:
            sizes[name] = [(shelf.size(path), path.stat().st_mtime) for path in paths]
    rows = [_row(stage, sizes[stage]) for stage in sorted(sizes)]
    return [*rows, _row("all", [pair for pairs in sizes.values() for pair in pairs])]


def _row(stage: str, sizes: list[tuple[int, float]]) -> dict[str, Any]:
    used = max((used for _, used in sizes), default=None)
    megabytes = round(sum(size for size, _ in sizes) / 1e6, 3)
    time = None if used is None else datetime.fromtimestamp(used, UTC).isoformat(timespec="seconds")
    return {"stage": stage, "artefacts": len(sizes), "mb": megabytes, "used": time}


def verify() -> Iterator[tuple[Shelved, str | None]]:
    """Check every byte of every artefact. Yield each with what is wrong with it, or None; set the broken ones aside."""
    for artifact in shelf.folders():
        try:
            inode = artifact.folder.stat().st_ino
        except FileNotFoundError:  # another process removed it meanwhile
            continue
        try:
            artifact.check()
        except Broken as error:
            shelf.set_aside(artifact, inode, str(error))
            yield artifact, str(error)
        else:
            yield artifact, None


def sweep(*, dry_run: bool = False) -> dict[str, int]:
    """Remove what dead processes left and what was set aside. Return the bytes freed, by path in the home."""
    paths = [*shelf.drafts(), *_broken()]
    freed = {str(path.relative_to(home())): shelf.size(path) for path in paths}
    for path in paths:
        if not dry_run:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return freed


def _broken() -> list[Path]:
    return sorted((home() / "broken").glob("[!.]*"))
