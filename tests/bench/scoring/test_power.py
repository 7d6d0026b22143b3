"""The minimum detectable effect against textbook formulas, and against the test itself on simulated answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as theirs

from bench.scoring import power, stats
from bench.scoring.power import StudyDesign

Z = theirs.norm.ppf(0.975) + theirs.norm.ppf(0.8)


@pytest.mark.parametrize(("items", "points"), [(153, 16.0), (200, 14.0), (300, 11.4), (451, 9.3)])
def test_two_test_sets_are_the_textbooks_two_proportions(items: int, points: float) -> None:
    """(z of 97.5 % + z of 80 %) times the error of a difference of two accuracies of 50 %."""
    result = power.detectable_unpaired(StudyDesign(items))
    assert result == pytest.approx(Z * (2 * 0.25 / items) ** 0.5, rel=1e-3)
    assert 100 * result == pytest.approx(points, abs=0.05)


def test_pairs_that_agree_show_less() -> None:
    assert power.detectable_paired(StudyDesign(300, agreement=0)) == pytest.approx(
        power.detectable_unpaired(StudyDesign(300))
    )
    assert power.detectable_paired(StudyDesign(300, agreement=0.75)) == pytest.approx(
        power.detectable_unpaired(StudyDesign(300)) / 2
    )


def test_items_of_a_picture_that_are_all_alike_count_once() -> None:
    assert power.detectable_paired(StudyDesign(300, per_image=3)) == pytest.approx(
        power.detectable_paired(StudyDesign(100))
    )
    assert power.detectable_paired(StudyDesign(300, per_image=3, within=0)) == pytest.approx(
        power.detectable_paired(StudyDesign(300))
    )


@settings(max_examples=10)
@given(st.integers(50, 2000), st.integers(2, 9), st.floats(0, 0.1), st.floats(0.05, 0.95))
def test_more_items_or_a_smaller_spread_show_smaller_differences(n: int, seeds: int, sd: float, rate: float) -> None:
    design = StudyDesign(n, seeds=seeds, seed_sd=sd, accuracy=rate)
    here = power.detectable_paired(design)
    assert power.detectable_paired(design._replace(items=2 * n)) < here
    assert power.detectable_paired(design._replace(seed_sd=sd + 0.01)) > here
    assert power.detectable_paired(design._replace(agreement=0.8)) < here
    assert power.detectable_unpaired(design) > here


def test_a_fifth_seed_is_worth_more_than_its_share() -> None:
    """With 2 points over seeds, from 3 to 5 seeds: more than the square root of 5 / 3."""
    three, five = (power.detectable_paired(StudyDesign(960, seeds=count)) for count in (3, 5))
    assert three / five > 1.5


@pytest.mark.parametrize(
    "design", [StudyDesign(300), StudyDesign(300, seeds=3), StudyDesign(300, seeds=5, seed_sd=0.04)], ids=str
)
def test_the_paired_test_finds_it_four_times_in_five(design: StudyDesign) -> None:
    """Scores with the variance of 0/1 answers, and normal: what the design assumes."""
    rng, hits, size = np.random.default_rng(0), [], power.detectable_paired(design)
    for _ in range(1500):
        own = rng.normal(0, (2 * 0.25 * (1 - design.agreement)) ** 0.5, (design.seeds, design.items))
        run = rng.normal(0, 2**0.5 * design.seed_sd, (design.seeds, 1)) if design.seeds > 1 else 0
        hits.append(stats.paired_test(size + own + run, np.arange(design.items)) <= 0.05)
    assert np.mean(hits) == pytest.approx(0.8, abs=0.035)


@pytest.mark.parametrize("items", [153, 200, 300, 451])
def test_no_pairing_shows_less_than_the_best_one(items: int) -> None:
    """Exact McNemar rejects from 6 changes in one direction on; that many occur 4 times in 5."""
    best = power.detectable_at_best(items)
    assert stats.mcnemar(np.zeros(items), (np.arange(items) < 6) * 1.0) < 0.05
    assert stats.mcnemar(np.zeros(items), (np.arange(items) < 5) * 1.0) > 0.05
    assert theirs.binom.sf(5, items, best) == pytest.approx(0.8)
    assert best < power.detectable_paired(StudyDesign(items, agreement=0.8))
