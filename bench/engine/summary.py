"""Several seeds of one cell as one set of numbers."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from bench.engine.local import judge, predictions
from bench.scoring.protection import Score
from bench.store.artifacts import find
from bench.store.results import Run


class Summary(NamedTuple):
    """Means over seeds; `protection` (value, low, high) by one bootstrap over pictures and seeds."""

    seeds: list[int]
    zero: float
    clean: float
    protected: float
    validation: float
    protection: tuple[float, float, float] | None
    gain: tuple[float, float, float]
    eligible: bool


def over_seeds(stages: Sequence[Mapping[str, str]]) -> Score | None:
    """The score of runs that differ in the seed alone, from the answers that they kept; None where some are gone.

    `stages` are the runs' artefacts by role.
    """
    return _score(tuple((s["zero"], s["clean"], s["evaluate"]) for s in stages))


@cache
def _score(answers: tuple[tuple[str, str, str], ...]) -> Score | None:
    found = [[find("evaluate", key) for key in triple] for triple in answers]
    if any(artifact is None for triple in found for artifact in triple):
        return None
    return judge([tuple(predictions(artifact) for artifact in triple) for triple in found])


def summary(runs: Sequence[Run]) -> Summary:
    """Summarise runs that differ in the seed alone. Their answers must be at hand."""
    judged = over_seeds([run.stages for run in runs])

    def mean(name: str) -> float:
        return sum(getattr(run, name) for run in runs) / len(runs)

    return Summary(
        seeds=[run.seed for run in runs],
        zero=mean("utility_zero"),
        clean=mean("utility_clean"),
        protected=mean("utility"),
        validation=mean("validation"),
        protection=tuple(judged.protection) if judged.protection else None,
        gain=tuple(judged.gain),
        eligible=judged.eligible,
    )


def record(run: Run) -> dict[str, Any]:
    """A row as plain JSON."""
    return {c.name: v if isinstance(v := getattr(run, c.name), _JSON) else str(v) for c in run.__table__.columns}


_JSON = (bool, int, float, str, dict, list, type(None))
