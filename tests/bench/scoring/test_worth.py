"""Worth in clean pictures is the inverse of the clean learning curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.worth import count_equal_pictures

RISING = st.lists(st.floats(0, 1), min_size=2, max_size=8, unique=True).map(sorted)


@given(RISING, st.floats(0, 1))
def test_it_inverts_a_rising_curve(accuracies: list[float], place: float) -> None:
    """Interpolating the curve at the result gives the accuracy again, where the curve reaches it."""
    pictures = [50 * number for number in range(len(accuracies))]
    accuracy = accuracies[0] + place * (accuracies[-1] - accuracies[0])
    count = count_equal_pictures(accuracy, dict(zip(pictures, accuracies, strict=True)))
    assert np.interp(count, pictures, accuracies) == pytest.approx(accuracy, abs=1e-9)


@given(st.dictionaries(st.integers(0, 1000), st.floats(0, 1), min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_more_accuracy_is_never_worth_fewer_pictures(curve: dict[int, float], one: float, other: float) -> None:
    less, more = sorted((one, other))
    counts = count_equal_pictures(less, curve), count_equal_pictures(more, curve)
    assert min(curve) <= counts[0] <= counts[1] <= max(curve)


def test_a_dip_of_the_curve_is_not_worth_more_pictures() -> None:
    """200 pictures gave less than 100 by chance: whoever reaches 0.4 has the worth of 100."""
    assert count_equal_pictures(0.4, {0: 0.1, 100: 0.4, 200: 0.35, 400: 0.8}) == 100
