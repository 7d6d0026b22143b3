"""The artefacts of one run, read with distrust: what is missing, foreign or broken is None."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

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
    """Return the samples of a run's release (role protect) or of its data before it (role original)."""
    artefact = find_artefact(stages, role)
    return read_or_none(lambda: load(artefact.folder)) if artefact else None


def load_log(stages: Mapping[str, str], role: str, file: str, index: str) -> pd.DataFrame | None:
    """Return the numbers that a stage logged, by their field `index`: one row for each record of a JSON file.

    The file holds a list of flat records, or has that list under "history".
    """
    artefact = find_artefact(stages, role)
    if artefact is None:
        return None

    def read() -> pd.DataFrame | None:
        content = artefact.read(file)
        records = content["history"] if isinstance(content, dict) else content
        frame = pd.DataFrame(records).set_index(index).select_dtypes("number")
        return None if frame.empty else frame

    return read_or_none(read)
