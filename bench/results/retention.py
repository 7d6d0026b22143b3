"""Keep a home within its limit: remove artefacts by their last use, and those of recorded runs last or never."""

from functools import cache
from pathlib import Path

from bench.results import rows
from bench.store import folders, housekeeping


def needed_artifacts(except_runs: frozenset[str] = frozenset()) -> set[str]:
    """Return the identities of the artefacts that recorded runs name, leaving out the runs `except_runs`."""
    return {name for row in rows.load() if row.id not in except_runs for name in row.stages.values()}


def keep_within_limit() -> None:
    """Trim the home to `$BENCH_CACHE_GB`, where that is set."""
    if (limit := housekeeping.read_limit()) is not None:
        trim(limit)


def trim(limit: float, *, everything: bool = False, dry_run: bool = False) -> dict[str, int]:
    """Remove artefacts, the longest unused first, until the rest are within `limit` bytes.

    Artefacts used since this process began are kept. So are the artefacts of recorded runs; with `everything` they are
    removed after all others. Return the bytes freed, by path in the home. `dry_run` removes nothing. Folders of other
    programs stay. Raises UserError in a folder that is not a home of the suite.
    """
    folders.require_mark()
    freed: dict[str, int] = {}
    sizes = {artifact: _size(artifact.folder) for artifact in folders.list_finished()}
    excess = sum(sizes.values()) - limit
    if excess <= 0:
        return freed
    needed = needed_artifacts()
    for artifact in sorted(sizes, key=lambda artifact: (artifact.identity in needed, artifact.last_use)):
        if excess <= 0 or (artifact.identity in needed and not everything):
            break
        if artifact.last_use < folders.PROCESS_START and artifact.is_own():
            size = sizes[artifact] if dry_run else artifact.remove()
            freed[f"artifacts/{artifact}"] = size
            excess -= size
    return freed


@cache
def _size(folder: Path) -> int:
    """Return the bytes of an artefact. They never change, so they are computed once in a process."""
    return folders.disk_size(folder)
