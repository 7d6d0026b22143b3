"""Published rows by the current scoring rules: `python -m reports.rescore` judges their kept answers again.

It follows a change of `EVALUATOR`. Nothing is trained or asked again. The answers to the validation questions are not
published, so a row keeps its validation accuracy and its learning curve.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bench import datasets
from bench.command import format_command
from bench.errors import UserError
from bench.game.suite import read_suite
from bench.play.run import run_id, score_answers
from bench.results import Run, published
from bench.results.export import publish
from bench.samples import Sample
from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import choose_baseline
from bench.scoring.rules import lenient_score, strict_score
from bench.spec import Budget, Method, RunSpec


class Change(NamedTuple):
    """The effect of new rules: answers whose strict score changed, of how many; rows with such; their largest move."""

    answers: int
    of: int
    rows: int
    protection: float


@cache
def _samples(dataset: str) -> dict[str, Sample]:
    return {sample.id: sample for sample in datasets.load(dataset, "test")}


def judge(table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Return answers to the test questions of a data set with `score` and `lenient` by the current rules."""
    samples = _samples(dataset)
    pairs = [(answer, samples[key]) for answer, key in zip(table["prediction"], table["id"], strict=True)]
    return table.assign(score=[strict_score(*pair) for pair in pairs], lenient=[lenient_score(*pair) for pair in pairs])


def spec_of(run: Run) -> RunSpec:
    """Return the specification that a row was played from. Raises UserError where its identity is of no such run."""
    for surrogates in ((), tuple((run.surrogates or "").split(","))):
        spec = RunSpec(
            defense=Method(name=run.defense, options=run.defense_options),
            attack=Method(name=run.attack, options=run.attack_options),
            dataset=run.dataset,
            victim=run.victim,
            threat=run.threat,  # type: ignore[arg-type]
            surrogates=surrogates,
            seed=run.seed,
            budget=Budget(epsilon=run.epsilon, words=run.words),
        )
        if run_id(spec, run.evaluator, run.protocol) == run.id:
            return spec
    raise UserError(f"run: {run.id} is not the identity of what its row says")


def rescore(folder: Path, suites: Sequence[str] = ("embedded",)) -> Change:
    """Judge every published answer again, write the folder anew, and return what has changed."""
    runs = published.load_runs(folder)
    tables: dict[str, pd.DataFrame] = {}
    changed: dict[str, int] = {}
    for run in runs:
        for evaluation in list_evaluations(run):
            before = None if evaluation in tables else published.load_answers(evaluation, folder)
            if before is not None:
                tables[evaluation] = judge(before, run.dataset)
                changed[evaluation] = int((tables[evaluation]["score"] != before["score"]).sum())
    rows = [run for run in runs if any(changed[evaluation] for evaluation in list_evaluations(run))]
    protections = [run.protection for run in rows]
    for run in runs:
        _update(run, tables)
    moves = [abs((run.protection or 0.0) - (before or 0.0)) for run, before in zip(rows, protections, strict=True)]
    plans = {
        Path(name).stem: {run_id(spec): format_command(spec) for spec in read_suite(name).runs()} for name in suites
    }
    publish(runs, folder, plans, replace=True, load_answers=tables.get)
    return Change(sum(changed.values()), sum(map(len, tables.values())), len(rows), max(moves, default=0.0))


def list_evaluations(run: Run) -> list[str]:
    """Return the evaluations that a row's numbers come from."""
    return [run.stages[role] for role in dict.fromkeys(("zero", "clean", "evaluate", *(run.baselines or ())))]


def _update(run: Run, tables: Mapping[str, pd.DataFrame]) -> None:
    """Give a row the identity and the numbers of the current rules. Rows of protocol 1 are scored from zero-shot."""
    run.id, run.evaluator = run_id(spec_of(run), protocol=run.protocol), EVALUATOR
    accuracy = {role: float(tables[run.stages[role]]["score"].mean()) for role in ("zero", "clean", "evaluate")}
    run.utility_zero, run.utility_clean, run.utility = accuracy.values()
    if run.baselines is not None:
        run.baselines = {
            role: {**known, "test": float(tables[run.stages[role]]["score"].mean())}
            for role, known in run.baselines.items()
        }
    baseline = choose_baseline(run.baselines) if run.baselines else "zero"
    score = score_answers([tuple(tables[run.stages[role]] for role in (baseline, "clean", "evaluate"))])
    run.protection, run.protection_low, run.protection_high = score.protection or (None, None, None)
    run.eligible = score.eligible


if __name__ == "__main__":
    print(rescore(published.FOLDER))
