"""Published rows by the current scoring rules: `python -m reports.rescore` judges their kept answers again.

It follows a change of `EVALUATOR`. Nothing is trained or asked again. The answers to the validation questions are not
published, so a row keeps its validation accuracy and its learning curve.
"""

from collections.abc import Sequence
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
from bench.scoring.rules import lenient_score, strict_score
from bench.spec import Budget, Method, RunSpec

ROLES = ("zero", "clean", "evaluate")


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
        if run_id(spec, run.evaluator) == run.id:
            return spec
    raise UserError(f"run: {run.id} is not the identity of what its row says")


def rescore(folder: Path, suites: Sequence[str] = ("embedded",)) -> Change:
    """Judge every published answer again, write the folder anew, and return what has changed."""
    runs = published.load_runs(folder)
    tables: dict[str, pd.DataFrame] = {}
    changed: dict[str, int] = {}
    for run in runs:
        for role in ROLES:
            evaluation = run.stages[role]
            before = None if evaluation in tables else published.load_answers(evaluation, folder)
            if before is not None:
                tables[evaluation] = judge(before, run.dataset)
                changed[evaluation] = int((tables[evaluation]["score"] != before["score"]).sum())
    rows = [run for run in runs if any(changed[run.stages[role]] for role in ROLES)]
    protections = [run.protection for run in rows]
    for run in runs:
        _update(run, *(tables[run.stages[role]] for role in ROLES))
    moves = [abs((run.protection or 0.0) - (before or 0.0)) for run, before in zip(rows, protections, strict=True)]
    plans = {
        Path(name).stem: {run_id(spec): format_command(spec) for spec in read_suite(name).runs()} for name in suites
    }
    publish(runs, folder, plans, replace=True, load_answers=tables.get)
    return Change(sum(changed.values()), sum(map(len, tables.values())), len(rows), max(moves, default=0.0))


def _update(run: Run, zero: pd.DataFrame, clean: pd.DataFrame, attacked: pd.DataFrame) -> None:
    """Give a row the identity and the numbers of the current rules."""
    run.id, run.evaluator = run_id(spec_of(run)), EVALUATOR
    run.utility_zero, run.utility_clean = float(zero["score"].mean()), float(clean["score"].mean())
    run.utility = float(attacked["score"].mean())
    score = score_answers([(zero, clean, attacked)])
    run.protection, run.protection_low, run.protection_high = score.protection or (None, None, None)
    run.eligible = score.eligible


if __name__ == "__main__":
    print(rescore(published.FOLDER))
