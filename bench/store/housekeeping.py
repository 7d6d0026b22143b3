"""What a home holds and how it is kept small: checked, swept, and trimmed to a limit."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
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
    """A limit in bytes. Raises UserError that names the field."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise UserError(f"{field}: {text!r}; allowed: a number of gigabytes from 0, for example 20 or 0.5")
    return value * 1e9


def limit() -> float | None:
    """The limit of `$BENCH_CACHE_GB` in bytes, if it is set. Raises UserError."""
    text = os.environ.get(VARIABLE)
    return gigabytes(text, VARIABLE) if text else None


def usage() -> list[dict[str, Any]]:
    """Stage, artefacts, megabytes and time of the last use (ISO 8601, UTC; None of nothing), and their sum.

    Rows of their own are what was set aside and what dead processes left.
    """
    held: dict[str, list[tuple[int, float]]] = {}
    for each in shelf.finished():
        held.setdefault(each.stage, []).append((each.size, each.used))
    for name, paths in (("(set aside)", _broken()), ("(unfinished)", shelf.drafts())):
        held |= {name: [(shelf.size(path), path.stat().st_mtime) for path in paths]} if paths else {}
    return [_row(stage, held[stage]) for stage in sorted(held)] + [_row("all", [x for xs in held.values() for x in xs])]


def _row(stage: str, held: list[tuple[int, float]]) -> dict[str, Any]:
    used = max((used for _, used in held), default=None)
    megabytes = round(sum(size for size, _ in held) / 1e6, 3)
    when = None if used is None else datetime.fromtimestamp(used, UTC).isoformat(timespec="seconds")
    return {"stage": stage, "artefacts": len(held), "mb": megabytes, "used": when}


def verify() -> Iterator[tuple[Shelved, str | None]]:
    """Check every artefact; what is wrong with those that are broken, and are set aside."""
    for each in shelf.folders():
        try:
            number = each.folder.stat().st_ino
        except FileNotFoundError:  # another process removed it meanwhile
            continue
        try:
            each.check()
        except Broken as error:
            shelf.set_aside(each, number, str(error))
            yield each, str(error)
        else:
            yield each, None


def sweep(*, dry_run: bool = False) -> dict[str, int]:
    """Remove what dead processes left and what was set aside; bytes freed by path in the home."""
    found = [*shelf.drafts(), *_broken()]
    freed = {str(path.relative_to(home())): shelf.size(path) for path in found}
    for path in found:
        if not dry_run:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return freed


def _broken() -> list[Path]:
    return sorted((home() / "broken").glob("[!.]*"))


def trim(limit: float, *, everything: bool = False, dry_run: bool = False) -> dict[str, int]:
    """Remove the artefacts that were not used for longest, until those left are within `limit` bytes.

    What was used since this process began is kept. So are the artefacts of recorded runs, or they go last, if
    `everything` may go. Gives the bytes freed by path in the home.
    """
    freed: dict[str, int] = {}
    held = {each: _size(each.folder) for each in shelf.finished()}
    excess = sum(held.values()) - limit
    if excess <= 0:
        return freed
    needed = recorded()
    for each in sorted(held, key=lambda each: (each.key in needed, each.used)):
        if excess <= 0 or (each.key in needed and not everything):
            break
        if each.used < shelf.STARTED:
            gone = held[each] if dry_run else each.remove()
            freed[f"artifacts/{each}"] = gone
            excess -= gone
    return freed


def recorded(besides: frozenset[str] = frozenset()) -> set[str]:
    """Identities of the artefacts that rows of results point to, but for the rows of the runs `besides`."""
    from bench import results

    return {name for row in results.load() if row.id not in besides for name in row.stages.values()}


@cache
def _size(folder: Path) -> int:
    """Once a process: an artefact never changes."""
    return shelf.size(folder)
