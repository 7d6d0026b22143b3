"""Which artefacts a suite alone stands on, and their removal."""

from pathlib import Path

from bench.paths import home
from bench.play.plan import Plan
from bench.store.housekeeping import recorded
from bench.store.shelf import Shelved


def leftovers(plan: Plan) -> list[Shelved]:
    """The finished artefacts here that runs of the plan name and no recorded run of another suite does."""
    needed = recorded(besides=frozenset(plan.runs))
    named = {stage.identity: stage.kind for roles in plan.roles.values() for stage in roles.values()}
    own = (Shelved(kind, name) for name, kind in named.items() if name not in needed)
    return [each for each in own if each.folder.exists()]


def traces(plan: Plan) -> list[Path]:
    """Where stages of the plan told how they failed."""
    files = (home() / "failures" / f"{name}.txt" for name in plan.stages)
    return [file for file in files if file.exists()]


def remove(artifacts: list[Shelved], files: list[Path]) -> int:
    """Remove what `leftovers` and `traces` found; bytes of the artefacts that were freed."""
    for file in files:
        file.unlink(missing_ok=True)
    return sum(each.remove() for each in artifacts)
