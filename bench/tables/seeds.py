"""The score of several seeds together, from the answers that their runs kept."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import pandas as pd

from bench.play.run import score_answers
from bench.results.answers import StoredAnswers, find_answers
from bench.scoring.protection import Score, choose_baseline
from bench.tables.distrust import read_or_none


class Evaluations(NamedTuple):
    """The evaluations that the score of one seed compares, by the identities of their artefacts.

    baseline: what knows nothing of the release's content. clean, attacked: the trainer with clean data, and with the
    release.
    """

    baseline: str
    clean: str
    attacked: str


def select_evaluations(stages: Mapping[str, str], baselines: Mapping[str, Mapping[str, float]]) -> Evaluations:
    """Return the evaluations of one run, from its columns `stages` and `baselines`."""
    return Evaluations(stages[choose_baseline(baselines)], stages["clean"], stages["evaluate"])


def score_seeds(seeds: Sequence[Evaluations]) -> Score | None:
    """Return the score of several seeds together; None where some of their answers are not here, or broken."""
    kept = [tuple(map(find_answers, evaluations)) for evaluations in seeds]
    present = tuple(tuple(answers for answers in seed if answers is not None) for seed in kept)
    if any(len(seed) < len(Evaluations._fields) for seed in present):
        return None
    return read_or_none(lambda: _score(present))


@cache
def _score(seeds: tuple[tuple[StoredAnswers, ...], ...]) -> Score:
    return score_answers([(_read(baseline), _read(clean), _read(attacked)) for baseline, clean, attacked in seeds])


@lru_cache(512)
def _read(answers: StoredAnswers) -> pd.DataFrame:
    """Return the answers of an evaluation; many defenses share those of the baselines and of clean data."""
    return answers.read()
