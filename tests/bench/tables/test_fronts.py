"""Pareto fronts."""

import pandas as pd
import pytest

from bench.tables.fronts import mark_front


@pytest.mark.parametrize(
    ("costs", "is_benefit", "front"),
    [
        ([1, 2, 3], False, [True, False, False]),
        ([1, 2, 3], True, [True, True, True]),
        ([3, 3, 3], True, [True, False, False]),
        ([float("nan"), 2, 3], False, [False, True, False]),
    ],
)
def test_what_no_other_beats_is_on_the_front(costs: list[float], is_benefit: bool, front: list[bool]) -> None:
    table = pd.DataFrame({"so_far": [0.3, 0.2, 0.1], "cost": costs})
    assert mark_front(table, "cost", is_benefit=is_benefit).tolist() == front


def test_twins_share_the_front() -> None:
    assert (
        mark_front(pd.DataFrame({"so_far": [0.3, 0.3], "cost": [1, 1]}), "cost", is_benefit=False).tolist()
        == [True] * 2
    )
