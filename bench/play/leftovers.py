"""The artefacts and traces that only one suite uses, and their removal."""

from pathlib import Path

from bench.paths import home
from bench.play.plan import Plan
from bench.results.retention import needed_artifacts
from bench.store import folders
from bench.store.folders import StoredArtifact


def leftovers(plan: Plan) -> list[StoredArtifact]:
    """Return the finished artefacts here that runs of the plan name and that no recorded run of another suite needs."""
    needed = needed_artifacts(except_runs=frozenset(plan.runs))
    kinds = {stage.identity: stage.kind for roles in plan.roles.values() for stage in roles.values()}
    unneeded = (StoredArtifact(kind, name) for name, kind in kinds.items() if name not in needed)
    return [artifact for artifact in unneeded if artifact.is_own()]


def traces(plan: Plan) -> list[Path]:
    """Return the files in which failed stages of the plan left their tracebacks."""
    files = (home() / "failures" / f"{name}.txt" for name in plan.stages)
    return [file for file in files if file.is_file() and not file.is_symlink()]


def remove(artifacts: list[StoredArtifact], files: list[Path]) -> int:
    """Remove what `leftovers` and `traces` returned. Return the bytes of the artefacts that were freed."""
    folders.require_mark()
    for file in files:
        file.unlink(missing_ok=True)
    return sum(artifact.remove() for artifact in artifacts)
