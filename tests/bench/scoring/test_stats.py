"""Intervals, tests and ranks against scipy, against closed forms and against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as theirs

from bench.scoring import stats

SCORES = np.random.default_rng(0).beta(0.6, 0.4, (3, 240))
"""Soft scores, neither 0/1 nor symmetric, of 3 seeds."""

ALONE = np.arange(240)
seeds = st.integers(0, 10_000)


def test_the_variance_over_pictures_is_that_of_a_mean() -> None:
    sources = stats.variance_sources(SCORES[:1], ALONE)
    assert sources.pictures == pytest.approx(theirs.sem(SCORES[0]) ** 2)
    assert (sources.seeds, sources.noise, sources.n_pictures, sources.n_seeds) == (0, 0, 240, 1)


def test_items_of_a_picture_count_as_their_sum() -> None:
    """Pictures of one size: the variance is that of the mean of the pictures' means."""
    sources = stats.variance_sources(SCORES[:1], ALONE // 8)
    assert sources.pictures == pytest.approx(theirs.sem(SCORES[0].reshape(30, 8).mean(1)) ** 2)


def test_the_sources_are_those_of_a_two_way_analysis_of_variance() -> None:
    """Mean squares of the rows, columns and residuals of 3 seeds x 240 pictures."""
    sources = stats.variance_sources(SCORES, ALONE)
    grand, rows, columns = SCORES.mean(), SCORES.mean(1), SCORES.mean(0)
    residual = SCORES - rows[:, None] - columns + grand
    mean_square = (residual**2).sum() / (2 * 239)
    assert sources.pictures == pytest.approx(columns.var(ddof=1) / 240)
    assert sources.seeds == pytest.approx(rows.var(ddof=1) / 3)
    assert sources.noise == pytest.approx(mean_square / (3 * 240))


@given(seeds)
def test_pictures_may_have_any_number_of_items(seed: int) -> None:
    """Against the variance of a ratio of sums by Taylor's theorem."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 20, 200)
    values = rng.random(200) + pictures / 10
    _, place = np.unique(pictures, return_inverse=True)
    deviations = np.bincount(place, values - values.mean())
    count = len(deviations)
    expected = count / (count - 1) * (deviations**2).sum() / 200**2
    assert stats.variance_sources(values, pictures).pictures == pytest.approx(expected)


def test_one_seed_adds_nothing_and_agreeing_seeds_add_nothing() -> None:
    for values in (SCORES[:1], np.repeat(SCORES[:1], 3, axis=0)):
        assert (stats.variance_sources(values, ALONE).plausible_seed_variance(100) == 0).all()


def test_what_seeds_may_add_is_chi_square_and_less_the_noise() -> None:
    sources = stats.VarianceSources(pictures=1.0, seeds=2.0, noise=0.5, n_pictures=100, n_seeds=4)
    plausible = sources.plausible_seed_variance(10_000)
    assert np.median(plausible) == pytest.approx(2.0 * 3 / theirs.chi2(3).median() - 0.5, rel=1e-3)
    assert (plausible == 0).mean() == pytest.approx(theirs.chi2(3).sf(3 * 2.0 / 0.5), abs=1e-3)


def test_a_mean_has_the_interval_of_scipys_bootstrap() -> None:
    ours = stats.mean(SCORES[:1], ALONE)
    result = theirs.bootstrap((SCORES[0],), np.mean, method="percentile", n_resamples=4000, random_state=1)
    assert ours.value == SCORES[0].mean()
    assert ours[1:] == pytest.approx(tuple(result.confidence_interval), abs=0.004)


def test_few_pictures_have_students_interval() -> None:
    """12 pictures: Student's is 17 % wider than the percentile bootstrap's."""
    values = np.random.default_rng(3).normal(0.5, 0.1, 12)
    half = theirs.t(11).ppf(0.975) * theirs.sem(values)
    ours = stats.mean(values, np.arange(12))
    assert (ours.high - ours.low) / (2 * half) == pytest.approx(1, abs=0.05)


def test_many_seeds_that_disagree_have_students_interval() -> None:
    """Items all alike, so that seeds are all there is: Student's t with 5 degrees of freedom."""
    per_seed = np.array([0.3, 0.5, 0.45, 0.6, 0.4, 0.35])
    values = np.repeat(per_seed[:, None], 240, axis=1)
    half = theirs.t(5).ppf(0.975) * theirs.sem(per_seed)
    ours = stats.mean(values, ALONE)
    assert (ours.high - ours.low) / (2 * half) == pytest.approx(1, abs=0.04)
    assert stats.paired_test(values - 0.35, ALONE) == pytest.approx(theirs.ttest_1samp(per_seed, 0.35).pvalue, rel=0.03)


def test_one_picture_says_nothing() -> None:
    """One picture must not give an interval of width zero."""
    assert stats.mean(SCORES, np.zeros(240)) == (SCORES.mean(), -np.inf, np.inf)
    assert stats.paired_test(SCORES, np.zeros(240)) == 1


@settings(max_examples=5)
@given(seeds)
def test_large_sets_are_resampled_in_parts_as_in_one(seed: int) -> None:
    pictures = np.random.default_rng(seed).integers(0, 40, 240)
    whole = stats.bootstrap_means(SCORES, pictures, np.random.default_rng(seed))
    before, stats.CHUNK = stats.CHUNK, 1000
    try:
        parts = stats.bootstrap_means(SCORES, pictures, np.random.default_rng(seed))
    finally:
        stats.CHUNK = before
    assert whole.shape == (stats.RESAMPLES, 3)
    assert parts == pytest.approx(whole, abs=1e-12)


def test_rows_are_resampled_together() -> None:
    """Paired rows are resampled together."""
    draws = stats.bootstrap_means(np.stack([SCORES[0], SCORES[0] + 0.25]), ALONE // 3, np.random.default_rng(0))
    assert draws[:, 1] - draws[:, 0] == pytest.approx(0.25)


def test_the_paired_test_of_one_seed_is_students() -> None:
    first, second = SCORES[0], 0.9 * SCORES[1]
    expected = theirs.ttest_rel(first, second)
    assert stats.paired_test(first - second, ALONE) == pytest.approx(expected.pvalue)


@given(seeds)
def test_a_test_knows_neither_sign_nor_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    difference, pictures, order = SCORES - rng.random(), rng.integers(0, 50, 240), rng.permutation(240)
    p = stats.paired_test(difference, pictures)
    assert 0 <= p <= 1
    assert stats.paired_test(-difference, pictures) == pytest.approx(p)
    assert stats.paired_test(difference[::-1, order], pictures[order]) == pytest.approx(p)


def test_answers_that_never_differ_are_no_difference_and_always_the_same_one_is() -> None:
    assert stats.paired_test(np.zeros((3, 240)), ALONE) == 1
    assert stats.paired_test(np.full((1, 240), 0.1), ALONE) == 0


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_sign_test_of_the_answers_that_differ(gained: int, lost: int, same: int) -> None:
    first = np.repeat([1.0, 0.0, 1.0], [gained, lost, same])
    second = np.repeat([0.0, 1.0, 1.0], [gained, lost, same])
    expected = theirs.binomtest(gained, gained + lost).pvalue if gained + lost else 1
    assert stats.mcnemar(first, second) == pytest.approx(expected)


def test_ties_share_a_rank_that_counts_as_one() -> None:
    different = np.zeros((5, 5), bool)
    assert stats.rank_with_ties(different) == [1, 1, 1, 1, 1]
    different[0, 2:] = different[2:, 0] = True
    assert stats.rank_with_ties(different) == [1, 1, 2, 2, 2]
    different[2, 4] = different[4, 2] = True
    assert stats.rank_with_ties(different) == [1, 1, 2, 2, 3]
    assert stats.rank_with_ties(~np.eye(3, dtype=bool)) == [1, 2, 3]
    assert stats.rank_with_ties(np.zeros((0, 0), bool)) == []


def test_a_tie_with_the_last_entry_of_a_group_is_no_tie_with_its_first() -> None:
    """2 and 3 do not differ, but 1 and 3 do: 3 begins a group of its own."""
    different = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], bool)
    assert stats.rank_with_ties(different) == [1, 1, 2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6, unique=True), st.integers(1, 4), st.data())
def test_copies_of_an_entry_move_no_other(scores: list[float], copies: int, data: st.DataObject) -> None:
    """Entries differ where their scores are a tenth apart; copies of one stand beside it and tie with it."""
    scores = sorted(scores, reverse=True)
    copied = data.draw(st.integers(0, len(scores) - 1))
    more = [score for number, score in enumerate(scores) for _ in range(1 + copies * (number == copied))]

    def ranks(values: list[float]) -> dict[float, int]:
        different = np.abs(np.subtract.outer(values, values)) > 0.1
        return dict(zip(values, stats.rank_with_ties(different), strict=True))

    assert ranks(more) == ranks(scores)
