"""What follows from a table is computed once, for all who ask, as long as the table lives."""

import gc
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pandas as pd
import pytest

from leaderboard.once import MOST, once


def test_a_value_is_computed_once_for_all_who_ask_at_once() -> None:
    calls: list[int] = []
    together = Barrier(8)

    @once
    def count(table: pd.DataFrame, step: int) -> int:
        calls.append(step)
        return len(table) + step

    def ask(table: pd.DataFrame) -> int:
        together.wait(30)
        return count(table, 1)

    table = pd.DataFrame({"a": [1, 2]})
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, [table] * 8)) == {3}
    assert calls == [1]
    assert (count(table, 5), count(table.copy(), 1), calls) == (7, 3, [1, 5, 1])


def test_a_value_goes_with_its_table() -> None:
    calls: list[int] = []
    measure = once(lambda table: calls.append(len(table)))
    for _ in range(3):
        measure(pd.DataFrame({"a": [1]}))
        gc.collect()
    assert calls == [1, 1, 1]


def test_an_error_is_told_and_computed_again() -> None:
    failures = [ValueError("broken")]

    @once
    def read(table: pd.DataFrame) -> int:
        if failures:
            raise failures.pop()
        return 7

    table = pd.DataFrame()
    with pytest.raises(ValueError, match="broken"):
        read(table)
    assert read(table) == 7


def test_few_values_are_kept_of_a_table() -> None:
    calls: list[int] = []
    add = once(lambda table, number: calls.append(number))
    table = pd.DataFrame()
    for number in [*range(MOST + 1), MOST, 0]:
        add(table, number)
    assert calls == [*range(MOST + 1), 0], "the oldest was dropped, the newest was not"
