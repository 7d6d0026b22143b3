"""The score against hand-made answers and against an independent bootstrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.scoring.protection import score

N = 400
IDS = np.arange(N).astype(str)


def answers(rate: float, seed: int, rows: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random((rows, N)) < rate).astype(float)


def test_extremes() -> None:
    zero, clean = answers(0.0, 0)[0], answers(0.8, 1)
    assert score(zero, clean, clean, IDS).protection == (0.0, 0.0, 0.0)
    nothing_learned = score(zero, clean, zero[None], IDS).protection
    assert nothing_learned is not None
    assert nothing_learned.value == 1.0


def test_value_is_the_formula_and_is_not_clipped() -> None:
    zero, clean = answers(0.1, 0)[0], answers(0.7, 1)
    better, worse = answers(0.9, 2), np.zeros((1, N))
    for protected in (better, worse):
        result = score(zero, clean, protected, IDS).protection
        assert result is not None
        expected = 1 - (protected.mean() - zero.mean()) / (clean.mean() - zero.mean())
        assert result.value == pytest.approx(expected)
        assert result.low <= result.value <= result.high
    assert score(zero, clean, better, IDS).protection.value < 0  # type: ignore[union-attr]
    assert score(zero, clean, worse, IDS).protection.value > 1  # type: ignore[union-attr]


def test_no_clean_gain_means_no_score() -> None:
    result = score(answers(0.5, 0)[0], answers(0.5, 1), answers(0.2, 2), IDS)
    assert result.protection is None
    assert not result.eligible


def test_small_gain_is_not_eligible() -> None:
    zero = np.zeros(N)
    clean = np.zeros((1, N))
    clean[0, :30] = 1
    result = score(zero, clean, clean, IDS)
    assert result.protection is not None
    assert not result.eligible


def test_gain_interval_agrees_with_scipy() -> None:
    zero, clean = answers(0.2, 0)[0], answers(0.7, 1)
    ours = score(zero, clean, clean, IDS).gain
    theirs = stats.bootstrap((clean[0] - zero,), np.mean, method="percentile", n_resamples=4000, random_state=1)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.01)


def test_items_of_one_picture_widen_the_interval() -> None:
    zero, pictures = np.zeros(N), np.repeat(np.arange(N // 8), 8).astype(str)
    clean = np.repeat(answers(0.7, 1)[:, : N // 8], 8, axis=1)
    apart, together = score(zero, clean, clean, IDS).gain, score(zero, clean, clean, pictures).gain
    assert together.high - together.low > 1.8 * (apart.high - apart.low)


def test_seeds_that_disagree_widen_the_interval() -> None:
    zero, clean = np.zeros(N), np.vstack([answers(0.8, 1)] * 3)
    agree = np.vstack([answers(0.5, 2)] * 3)
    disagree = np.vstack([answers(rate, 3) for rate in (0.2, 0.5, 0.8)])
    narrow, wide = score(zero, clean, agree, IDS).protection, score(zero, clean, disagree, IDS).protection
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_items_does_not_matter(seed: int) -> None:
    order = np.random.default_rng(seed).permutation(N)
    zero, clean, protected = answers(0.1, 0)[0], answers(0.8, 1), answers(0.4, 2)
    first = score(zero, clean, protected, IDS).protection
    second = score(zero[order], clean[:, order], protected[:, order], IDS[order]).protection
    assert first is not None
    assert second is not None
    assert first == pytest.approx(second, abs=1e-12)


def test_an_interval_is_a_number_even_where_a_resample_has_no_gain() -> None:
    """4 of 96 are learned: about one resample in fifty holds none of them."""
    clean = np.zeros((1, 96))
    clean[0, :4] = 1
    judged = score(np.zeros(96), clean, np.zeros((1, 96)), np.arange(96).astype(str))
    assert judged.protection == (1, 1, 1)


def test_soft_scores_are_scored_as_they_are() -> None:
    """Half a point for every right answer is half the utility, and the same protection."""
    zero, clean, protected = answers(0.1, 0)[0], answers(0.7, 1), answers(0.4, 2)
    whole, half = score(zero, clean, protected, IDS), score(zero / 2, clean / 2, protected / 2, IDS)
    assert half.protection == pytest.approx(whole.protection)
    assert half.gain == pytest.approx([value / 2 for value in whole.gain])


def test_clean_seeds_that_disagree_leave_a_wide_score_that_is_not_eligible() -> None:
    """The gain of each seed played is certain; that of another seed is not."""
    zero, clean = np.zeros(N), np.vstack([answers(0.2, 1), answers(0.9, 2)])
    result = score(zero, clean, clean / 2, IDS)
    assert result.protection is not None
    assert result.protection.value == pytest.approx(0.5)
    assert result.gain.low < 0 < result.gain.value
    assert not result.eligible


def test_protection_of_one_seed_agrees_with_a_bootstrap_of_the_ratio_by_scipy() -> None:
    zero, clean, protected = answers(0.2, 0)[0], answers(0.7, 1), answers(0.5, 2)

    def ratio(a: np.ndarray, b: np.ndarray, c: np.ndarray, axis: int) -> np.ndarray:
        return 1 - (c.mean(axis) - a.mean(axis)) / (b.mean(axis) - a.mean(axis))

    rows = (zero, clean[0], protected[0])
    theirs = stats.bootstrap(rows, ratio, paired=True, method="percentile", n_resamples=4000, random_state=1)
    ours = score(zero, clean, protected, IDS).protection
    assert ours is not None
    assert ours[1:] == pytest.approx(tuple(theirs.confidence_interval), abs=0.015)


def test_a_gain_of_exactly_ten_points_is_eligible_whatever_its_floating_point_form() -> None:
    for right in range(1, 10):
        base, clean = np.zeros(N), np.zeros((1, N))
        base[: right * N // 10], clean[0, : (right + 1) * N // 10] = 1, 1
        assert score(base, clean, clean, IDS).eligible, right
