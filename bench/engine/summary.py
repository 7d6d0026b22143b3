"""Several seeds of one cell as one set of numbers."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from bench.engine.local import judge, predictions
from bench.errors import UserError
from bench.scoring.protection import Estimate, Score
from bench.store.artifacts import find
from bench.store.results import Run


class Summary(NamedTuple):
    """Means over seeds; `protection` (value, low, high) by one bootstrap over pictures and seeds."""

    seeds: list[int]
    zero: float
    clean: float
    protected: float
    validation: float
    protection: Estimate | None
    gain: Estimate
    eligible: bool


def over_seeds(stages: Sequence[Mapping[str, str]]) -> Score | None:
    """The score of runs that differ in the seed alone, from the answers that they kept; None where some are gone.

    `stages` are the runs' artefacts by role.
    """
    return _score(tuple((s["zero"], s["clean"], s["evaluate"]) for s in stages))


@cache
def _score(answers: tuple[tuple[str, str, str], ...]) -> Score | None:
    artifacts = {key: find("evaluate", key) for triple in answers for key in triple}
    tables = {key: predictions(artifact) for key, artifact in artifacts.items() if artifact is not None}
    if len(tables) < len(artifacts):
        return None
    return judge([(tables[zero], tables[clean], tables[protected]) for zero, clean, protected in answers])


def summary(runs: Sequence[Run]) -> Summary:
    """Summarise runs that differ in the seed alone. Raises UserError where their answers are not at hand."""
    judged = over_seeds([run.stages for run in runs])
    if judged is None:
        raise UserError(f"runs: the answers of {', '.join(run.id for run in runs)} are not on this machine")

    def mean(name: str) -> float:
        return sum(getattr(run, name) for run in runs) / len(runs)

    return Summary(
        seeds=[run.seed for run in runs],
        zero=mean("utility_zero"),
        clean=mean("utility_clean"),
        protected=mean("utility"),
        validation=mean("validation"),
        protection=judged.protection,
        gain=judged.gain,
        eligible=judged.eligible,
    )


def record(run: Run) -> dict[str, Any]:
    """A row as plain JSON."""
    return {c.name: v if isinstance(v := getattr(run, c.name), _JSON) else str(v) for c in run.__table__.columns}


_JSON = (bool, int, float, str, dict, list, type(None))
