"""Work on pictures in threads: in order, side by side, as many at once as torch may use, and with its errors."""

from threading import Barrier, current_thread

import pytest
import torch

from bench.lvlm.workers import map_threads


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(autouse=True)
def _threads_of_torch(threads: int) -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    yield
    torch.set_num_threads(before)


def test_results_are_in_the_order_of_the_arguments() -> None:
    assert map_threads(pow, range(40), [2] * 40) == [number**2 for number in range(40)]
    assert map_threads(pow, [], []) == []


def test_as_many_work_at_once_as_torch_has_threads(threads: int) -> None:
    meeting = Barrier(threads, timeout=10)  # raises unless all of them are there together
    names = map_threads(lambda _: (meeting.wait(), current_thread().name)[1], range(threads))
    assert len(set(names)) == threads


def test_torch_is_single_in_each_of_several_threads_and_as_before_outside(threads: int) -> None:
    assert map_threads(lambda _: torch.get_num_threads(), range(4)) == [1] * 4
    assert torch.get_num_threads() == threads


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        map_threads(lambda number: 1 // number, [1, 0, 2])
