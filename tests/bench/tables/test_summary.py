"""Several seeds are one set of numbers, and a row is plain JSON."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.results import Run
from bench.store import artifacts
from bench.tables.records import run_as_json
from bench.tables.seeds import score_seeds, select_evaluations
from bench.tables.summary import summarize


def test_one_seed_is_its_own_summary(finished: Callable[..., Run]) -> None:
    """4, 32 and 16 of 40: the gain is 0.7 with a binomial error, protection 1 - 0.3 / 0.7."""
    s = summarize([finished(seed=7)])
    assert (s.seeds, s.zero, s.clean, s.protected, s.validation) == ([7], 0.1, 0.8, 0.4, 0.25)
    error = 1.96 * (0.7 * 0.3 / 40) ** 0.5
    assert s.gain == pytest.approx((0.7, 0.7 - error, 0.7 + error), abs=0.02)
    assert s.protection
    assert s.protection[0] == pytest.approx(4 / 7)
    assert s.protection[1] < 4 / 7 < s.protection[2]
    assert s.eligible


def test_seeds_are_averaged_before_the_ratio_is_taken(finished: Callable[..., Run]) -> None:
    """The mean of the ratios, 1 - (12/28 + 28/16) / 2, would be negative."""
    s = summarize([finished(0, clean=32, protected=16), finished(1, clean=20, protected=32, validation=0.75)])
    assert (s.seeds, s.validation) == ([0, 1], 0.5)
    assert (s.clean, s.protected) == pytest.approx((0.65, 0.6))
    assert s.protection
    assert s.protection[0] == pytest.approx(1 - 0.5 / 0.55)


def test_seeds_that_agree_say_no_more_than_the_pictures_allow(finished: Callable[..., Run]) -> None:
    """Pictures are drawn for all seeds at once, so copies of a seed do not narrow the interval."""
    one, three = summarize([finished(0)]), summarize([finished(seed) for seed in (0, 1, 2)])
    assert one.protection
    assert three.protection == pytest.approx(one.protection, abs=0.02)


def test_seeds_that_disagree_widen_the_interval(finished: Callable[..., Run]) -> None:
    agree = summarize([finished(seed, protected=16) for seed in (0, 1)]).protection
    differ = summarize([finished(seed, protected=right) for seed, right in ((2, 6), (3, 26))]).protection
    assert agree
    assert differ
    assert agree[0] == pytest.approx(differ[0])
    assert differ[2] - differ[1] > 1.3 * (agree[2] - agree[1])


@pytest.mark.parametrize(("clean", "eligible"), [(4, False), (7, False), (14, True)])
def test_a_clean_gain_must_be_real(finished: Callable[..., Run], clean: int, eligible: bool) -> None:
    s = summarize([finished(clean=clean)])
    assert s.gain[0] == pytest.approx((clean - 4) / 40)
    assert (s.eligible, s.protection is not None) == (eligible, eligible)


def test_runs_whose_answers_are_elsewhere_are_named(finished: Callable[..., Run]) -> None:
    here = finished(0)
    away = finished(1, id="away", stages=here.stages | {"evaluate": "answers of another machine"})
    assert score_seeds([here.stages, away.stages]) is None
    with pytest.raises(UserError, match=f"runs: the answers of {here.id}, away are not on this machine"):
        summarize([here, away])


def test_a_row_is_plain_json(finished: Callable[..., Run]) -> None:
    run = finished(3, protection=None)
    made = run_as_json(run)
    assert json.loads(json.dumps(made)) == made
    assert made.pop("created") == "2026-05-01 03:00:00+00:00"
    assert made == {column.name: getattr(run, column.name) for column in run.__table__.columns if column.name in made}
    assert (made["protection"], made["eligible"], made["stealth"]["linf"]) == (None, True, 8)


def test_answers_that_arrive_later_are_found(finished: Callable[..., Run]) -> None:
    run = finished(0)
    folder = artifacts.find("evaluate", run.stages["evaluate"]).folder
    folder.rename(folder.with_name("elsewhere"))
    compared = [select_evaluations(run.stages, run.baselines or {})]
    assert score_seeds(compared) is None
    folder.with_name("elsewhere").rename(folder)
    assert score_seeds(compared) is not None


@pytest.mark.parametrize("size", [0, 50])
def test_answers_that_are_broken_break_no_table(finished: Callable[..., Run], bench_home: Path, size: int) -> None:
    rows = [finished(0), finished(1, protected=20)]
    for file in bench_home.rglob("predictions.parquet"):
        os.truncate(file, size)
    assert score_seeds([select_evaluations(row.stages, row.baselines or {}) for row in rows]) is None
