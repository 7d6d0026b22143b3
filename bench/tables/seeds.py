"""The score of several seeds together, from the answers that their runs kept."""

from collections.abc import Mapping, Sequence
from functools import cache

from bench.play.run import score_answers
from bench.results.answers import StoredAnswers, find_answers
from bench.scoring.protection import Score
from bench.tables.distrust import read_or_none

ROLES = ("zero", "clean", "evaluate")


def score_seeds(stages: Sequence[Mapping[str, str]]) -> Score | None:
    """Return the score of runs that differ in the seed alone; None where some of their answers are not here, or broken.

    stages: the artefact identities of each run, by role.
    """
    kept = [tuple(find_answers(run[role]) for role in ROLES) for run in stages]
    present = tuple(tuple(answers for answers in run if answers is not None) for run in kept)
    return read_or_none(lambda: _score(present)) if all(len(run) == len(ROLES) for run in present) else None


@cache
def _score(seeds: tuple[tuple[StoredAnswers, ...], ...]) -> Score:
    return score_answers([(zero.read(), clean.read(), protected.read()) for zero, clean, protected in seeds])
