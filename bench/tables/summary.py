"""The summary of one cell: several seeds as one set of numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.errors import UserError
from bench.play import side_effects
from bench.results import Run
from bench.scoring import learning_curve
from bench.scoring.stats import Estimate
from bench.tables.seeds import score_seeds, select_evaluations


class Summary(NamedTuple):
    """Means over seeds; `protection` and `gain` come from one bootstrap over pictures and seeds.

    zero: accuracy before training. baseline: of what knows nothing of the release's content. clean: after the same
    attack on clean data. protected: after the attack on the release.
    For attacks with a learning curve: `curve` holds its points, and `peaks` the best epoch of each seed by validation.
    `peak`: accuracy and protection on the test split if each seed had stopped there. `effects`: the measures of
    `bench.play.side_effects` for the tasks that every run was evaluated on.
    """

    seeds: list[int]
    zero: float
    baseline: float
    clean: float
    protected: float
    validation: float
    protection: Estimate | None
    gain: Estimate
    eligible: bool
    curve: list[dict[str, Any]] = []
    peaks: list[int] = []
    peak: tuple[float, Estimate | None] | None = None
    effects: dict[str, dict[str, Any]] = {}


def summarize(runs: Sequence[Run]) -> Summary:
    """Summarize runs that differ in the seed alone. Raises UserError where their answers are not on this machine."""
    score = score_seeds([select_evaluations(run.stages, run.baselines or {}) for run in runs])
    if score is None:
        raise UserError(f"runs: the answers of {', '.join(run.id for run in runs)} are not on this machine")

    def mean(column: str) -> float:
        return float(sum(getattr(run, column) for run in runs) / len(runs))

    return Summary(
        seeds=[run.seed for run in runs],
        zero=mean("utility_zero"),
        baseline=sum(run.utility_baseline for run in runs) / len(runs),
        clean=mean("utility_clean"),
        protected=mean("utility"),
        validation=mean("validation"),
        protection=score.protection,
        gain=score.gain,
        eligible=score.eligible,
        **_summarize_curves(runs),
        effects={
            task: side_effects.measure([run.stages for run in runs], task)
            for task in runs[0].effects or {}
            if all(task in (run.effects or {}) for run in runs)
        },
    )


def _summarize_curves(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the fields of `Summary` about learning curves; none where the attack keeps no curve."""
    curves = [run.curve for run in runs if run.curve]
    if not curves:
        return {}
    peaks = [learning_curve.peak(points) for points in curves]
    roles = [learning_curve.epoch_role("evaluate", point["epoch"]) for point in peaks]
    stopped = [
        select_evaluations(run.stages, run.baselines or {})._replace(attacked=run.stages[role])
        for run, role in zip(runs, roles, strict=True)
    ]
    score = score_seeds(stopped)
    accuracy = sum(point["test"] for point in peaks) / len(peaks)
    return {
        "curve": learning_curve.mean_curve(curves),
        "peaks": [point["epoch"] for point in peaks],
        "peak": (accuracy, score.protection if score else None),
    }
