"""The artefacts of one run, read with distrust: what is missing, foreign or broken is None."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from bench.results import published
from bench.results.curves import LOGS, read_log
from bench.samples import SampleSet
from bench.store import artifacts
from bench.store.artifacts import Artifact
from bench.tables.distrust import read_or_none

KIND = {"original": "protect", "clean_attack": "attack", **dict.fromkeys(["zero", "clean", "validation"], "evaluate")}
"""The kind of stage of each role whose own name is no kind. A role may have an epoch or a task after "@"."""

IDENTITY = re.compile(r"[0-9a-f]{16}")


def stage_identity(stages: Mapping[str, str], role: str) -> str | None:
    """Return the identity that a run names for a role; None where that is no identity.

    >>> stage_identity({"protect": "0123456789abcdef", "attack": "../.."}, "protect")
    '0123456789abcdef'
    >>> stage_identity({"protect": "0123456789abcdef", "attack": "../.."}, "attack")
    """
    identity = str(stages.get(role, ""))
    return identity if IDENTITY.fullmatch(identity) else None


def find_artefact(stages: Mapping[str, str], role: str) -> Artifact | None:
    """Return the artefact that a run names for a role; None where it is not on this machine."""
    identity, kind = stage_identity(stages, role), role.partition("@")[0]
    return read_or_none(lambda: artifacts.peek(KIND.get(kind, kind), identity)) if identity else None


def load_samples(
    stages: Mapping[str, str], role: str, load: Callable[[Path], SampleSet] = SampleSet.load
) -> SampleSet | None:
    """Return the samples of a run's release (role protect) or of its data before it (role original).

    Where they are not on this machine, it is the few of them that are published.
    """
    if (artefact := find_artefact(stages, role)) is not None:
        return read_or_none(lambda: load(artefact.folder))
    identity = stage_identity(stages, role)
    return read_or_none(lambda: published.load_gallery(identity)) if identity else None


def load_log(stages: Mapping[str, str], role: str) -> pd.DataFrame | None:
    """Return the losses that a stage logged, by its steps or rounds: of this machine, else the published ones."""
    if (artefact := find_artefact(stages, role)) is not None:
        return read_or_none(lambda: read_log(artefact, LOGS[role]))
    identity = stage_identity(stages, role)
    return read_or_none(lambda: published.load_curve(role, identity)) if identity else None
