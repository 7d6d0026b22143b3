"""Worth in clean pictures is the inverse of the clean learning curve, and its interval covers the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.worth import estimate_worth, read_share

RISING = st.lists(st.floats(0, 1), min_size=2, max_size=8, unique=True).map(sorted)


@given(RISING, st.floats(0, 1))
def test_it_inverts_a_rising_curve(accuracies: list[float], place: float) -> None:
    """Interpolating the curve at the result gives the accuracy again, where the curve reaches it."""
    shares = np.linspace(0, 1, len(accuracies)).tolist()
    accuracy = accuracies[0] + place * (accuracies[-1] - accuracies[0])
    share = read_share(accuracy, dict(zip(shares, accuracies, strict=True)))
    assert np.interp(share, shares, accuracies) == pytest.approx(accuracy, abs=1e-9)


@given(st.dictionaries(st.floats(0, 1), st.floats(0, 1), min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_more_accuracy_is_never_worth_fewer_pictures(curve: dict[float, float], one: float, other: float) -> None:
    less, more = sorted((one, other))
    shares = read_share(less, curve), read_share(more, curve)
    assert min(curve) <= shares[0] <= shares[1] <= max(curve)


def test_a_dip_of_the_curve_is_not_worth_more_pictures() -> None:
    """Half of the pictures gave less than a quarter by chance: whoever reaches 0.4 has the worth of a quarter."""
    assert read_share(0.4, {0: 0.1, 0.25: 0.4, 0.5: 0.35, 1: 0.8}) == 0.25


def scores(rate: float, items: int, rng: np.random.Generator) -> np.ndarray:
    return (rng.random(items) < rate).astype(float)


def test_the_interval_covers_the_worth_about_nineteen_times_in_twenty() -> None:
    """The true curve is straight from 0.1 to 0.9, and the release gives 0.5: half of the pictures."""
    rng, items, covered = np.random.default_rng(0), 400, 0
    for trial in range(60):
        curve = {share: scores(0.1 + 0.8 * share, items, rng) for share in (0.0, 0.25, 0.5, 0.75, 1.0)}
        estimate = estimate_worth(curve, scores(0.5, items, rng), np.arange(items), seed=trial)
        covered += estimate.low <= 0.5 <= estimate.high
    assert covered >= 51  # 57 on average; fewer than 51 have a chance of about one in a thousand


def test_a_release_as_good_as_clean_data_is_worth_all_pictures() -> None:
    rng = np.random.default_rng(0)
    clean = scores(0.9, 200, rng)
    curve = {0.0: scores(0.1, 200, rng), 0.5: scores(0.6, 200, rng), 1.0: clean}
    assert estimate_worth(curve, clean, np.arange(200)).value == 1
    assert estimate_worth(curve, curve[0.0], np.arange(200)) == (0, 0, 0)
