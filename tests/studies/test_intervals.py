"""Intervals hold the truth as often as they say, and tests reject by mistake as rarely: simulations.

A few hundred repetitions a setting; `python -m studies.intervals` makes the table of docs/design/statistics.md.
"""

import numpy as np
import pytest

from bench.scoring import stats
from studies.intervals import CLEAN, PROTECTED, Setting, cover_truth, reject_equal, simulate_answers

ONE_SEED = [Setting(items, per_image, 1, 0.0) for items in (150, 300, 1000) for per_image in (1, 3)]
SEEDS = [Setting(150, 1, 3, 0.0), Setting(150, 3, 3, 0.05), Setting(1000, 1, 3, 0.05), Setting(300, 1, 5, 0.02)]


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "RESAMPLES", 400)


def shares(play: object, setting: Setting, repetitions: int) -> np.ndarray:
    rng = np.random.default_rng([setting.items, setting.per_image, setting.seeds])
    return np.mean([list(play(setting, rng)) for _ in range(repetitions)], axis=0)  # type: ignore[operator]


def test_answers_have_the_accuracies_and_the_spread_of_their_setting() -> None:
    setting, rng = Setting(600, 3, 400, 0.05), np.random.default_rng(0)
    answers, pictures = simulate_answers(setting, [CLEAN, PROTECTED], rng)
    assert answers.shape == (2, 400, 600)
    assert (np.bincount(pictures) == 3).all()
    assert answers.mean(2).std(1) == pytest.approx([0.05, 0.05], rel=0.15)
    short = Setting(600, 3, 2, 0.05)
    means = np.mean([simulate_answers(short, [CLEAN, PROTECTED], rng)[0].mean((1, 2)) for _ in range(400)], 0)
    assert means == pytest.approx([CLEAN, PROTECTED], abs=0.01)
    of_means = np.corrcoef(answers[0].mean(0), answers[1].mean(0))[0, 1]
    assert of_means > 0.9 > np.corrcoef(answers[0, 0], answers[1, 0])[0, 1] > 0.3, "items are equally hard for both"


def test_intervals_of_one_seed_cover_95_percent() -> None:
    """93 to 97 %: all settings together, and each within what 200 repetitions allow (standard error 1.5 points)."""
    coverage = np.array([shares(cover_truth, setting, 200) for setting in ONE_SEED])[:, :2]
    assert (coverage.mean(0) > 0.93).all() and (coverage.mean(0) < 0.97).all(), coverage
    assert coverage.min() > 0.91 and coverage.max() < 0.99, coverage


@pytest.mark.parametrize("setting", ONE_SEED + SEEDS, ids=str)
def test_the_paired_test_seldom_tells_equal_models_apart(setting: Setting) -> None:
    """At most 6 % at 5 %, and 1 point for 1200 repetitions (standard error 0.6 points)."""
    paired, mcnemar = shares(reject_equal, setting, 1200)
    assert paired <= 0.06 + 0.01
    if setting.per_image == 1 and setting.seeds == 1:
        assert mcnemar <= 0.06


def test_resampling_three_seeds_covers_too_little() -> None:
    """With a spread of five points and many items they hold the truth only about 5 times in 6."""
    difference, protection, resampled = shares(cover_truth, Setting(1000, 1, 3, 0.05), 120)
    assert resampled < 0.88
    assert min(difference, protection) > 0.92


def test_mcnemar_within_one_seed_ignores_the_spread_between_seeds() -> None:
    """Two models that are equally good over all seeds differ within one, and the test finds that difference."""
    paired, mcnemar = shares(reject_equal, Setting(300, 1, 3, 0.05), 300)
    assert mcnemar > 0.2
    assert paired < 0.08
