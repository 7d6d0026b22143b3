"""A home within its limit: artefacts that nobody used for long go first, those of recorded runs last or never."""

from functools import cache
from pathlib import Path

from bench.results import rows
from bench.store import housekeeping, shelf


def needed_artifacts(besides: frozenset[str] = frozenset()) -> set[str]:
    """Return the identities of the artefacts that rows of results name, without the rows of the runs `besides`."""
    return {name for row in rows.load() if row.id not in besides for name in row.stages.values()}


def keep_within_limit() -> None:
    """Trim the home to `$BENCH_CACHE_GB`, where it is set."""
    if (limit := housekeeping.limit()) is not None:
        trim(limit)


def trim(limit: float, *, everything: bool = False, dry_run: bool = False) -> dict[str, int]:
    """Remove the artefacts that were not used for longest, until those left are within `limit` bytes.

    What was used since this process began is kept. So are the artefacts of recorded runs, or they go last, if
    `everything` may go. Return the bytes freed, by path in the home.
    """
    freed: dict[str, int] = {}
    sizes = {artifact: _size(artifact.folder) for artifact in shelf.finished()}
    excess = sum(sizes.values()) - limit
    if excess <= 0:
        return freed
    needed = needed_artifacts()
    for artifact in sorted(sizes, key=lambda artifact: (artifact.key in needed, artifact.used)):
        if excess <= 0 or (artifact.key in needed and not everything):
            break
        if artifact.used < shelf.STARTED:
            size = sizes[artifact] if dry_run else artifact.remove()
            freed[f"artifacts/{artifact}"] = size
            excess -= size
    return freed


@cache
def _size(folder: Path) -> int:
    """Return the bytes of an artefact, which never changes: computed once a process."""
    return shelf.size(folder)
