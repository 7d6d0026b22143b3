"""Several seeds of one cell as one set of numbers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from bench.errors import UserError
from bench.play import side_effects
from bench.play.run import judge
from bench.results import Run, answers
from bench.results.answers import Answers
from bench.scoring import learning_curve
from bench.scoring.frontier import Step, Tried, frontier
from bench.scoring.protection import Score
from bench.scoring.stats import Estimate


class Summary(NamedTuple):
    """Means over seeds; `protection` (value, low, high) by one bootstrap over pictures and seeds.

    Of attacks with a learning curve: its points, and `peaks`: each seed's best epoch by validation. `peak`: accuracy
    and protection on the test split if each seed had stopped there. `effects`: `bench.play.side_effects.measure`, of
    the tasks that all of the runs were asked.
    """

    seeds: list[int]
    zero: float
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


def over_seeds(stages: Sequence[Mapping[str, str]]) -> Score | None:
    """The score of runs that differ in the seed alone, from the answers that they kept; None where some are gone.

    `stages` are the runs' artefacts by role.
    """
    found = [[answers.find(s[role]) for role in ("zero", "clean", "evaluate")] for s in stages]
    kept = [tuple(each for each in triple if each is not None) for triple in found]
    return _score(tuple(kept)) if all(len(triple) == 3 for triple in kept) else None


@cache
def _score(seeds: tuple[tuple[Answers, ...], ...]) -> Score:
    return judge([(zero.read(), clean.read(), kept.read()) for zero, clean, kept in seeds])


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
        **_curve(runs),
        effects={
            task: side_effects.measure([run.stages for run in runs], task)
            for task in runs[0].effects or {}
            if all(task in (run.effects or {}) for run in runs)
        },
    )


def tried(runs: Sequence[Run]) -> Tried:
    """One attack's runs, which differ in the seed alone, as the trainer's ladder of attacks has them."""
    s, first = summary(runs), runs[0]
    options = ", ".join(f"{key}={value}" for key, value in first.attack_options.items())
    seconds = sum(run.cost["attack"]["seconds"] for run in runs) / len(runs)
    name = f"{first.attack} ({options})" if options else first.attack
    return Tried(name, seconds, s.validation, s.protected - s.zero, s.protection)


class Game(NamedTuple):
    """What a trainer who takes the best of several attacks meets."""

    defense: str
    dataset: str
    victim: str
    threat: str


def ladders(cells: Iterable[Sequence[Run]]) -> dict[Game, list[Step]]:
    """The ladder of attacks of every game in cells of some seeds each, in their order."""
    games: dict[Game, list[Tried]] = defaultdict(list)
    for runs in cells:
        games[Game(*(getattr(runs[0], name) for name in Game._fields))].append(tried(runs))
    return {game: frontier(found) for game, found in games.items()}


def _curve(runs: Sequence[Run]) -> dict[str, Any]:
    """What `Summary` says of learning curves."""
    curves = [run.curve for run in runs if run.curve]
    if not curves:
        return {}
    best = [learning_curve.peak(points) for points in curves]
    roles = [learning_curve.role("evaluate", point["epoch"]) for point in best]
    stopped = over_seeds([{**run.stages, "evaluate": run.stages[role]} for run, role in zip(runs, roles, strict=True)])
    accuracy = sum(point["test"] for point in best) / len(best)
    return {
        "curve": learning_curve.mean(curves),
        "peaks": [point["epoch"] for point in best],
        "peak": (accuracy, stopped.protection if stopped else None),
    }


def record(run: Run) -> dict[str, Any]:
    """A row as plain JSON."""
    return {c.name: v if isinstance(v := getattr(run, c.name), _JSON) else str(v) for c in run.__table__.columns}


_JSON = (bool, int, float, str, dict, list, type(None))
