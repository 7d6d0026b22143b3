"""Idle workers and ready tasks are paired so that little is loaded, and nobody stands idle while there is work."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.affinity import assign
from bench.stages.stage import Stage
from tests.bench.toys import toy

models = st.frozensets(st.sampled_from("abcd"), max_size=3)


def tasks(needed: Sequence[AbstractSet[str]]) -> list[Stage]:
    return [toy(str(number), models=tuple(sorted(names))) for number, names in enumerate(needed)]


def chosen(idle: Sequence[AbstractSet[str]], needed: Sequence[AbstractSet[str]]) -> list[tuple[int, int]]:
    """Pairs of a worker's and a task's number."""
    return [(worker, int(task.title)) for worker, task in assign(idle, tasks(needed))]


@pytest.mark.parametrize(
    ("idle", "needed", "expected"),
    [
        (["a", "b"], ["b", "a"], [(1, 0), (0, 1)]),  # each his own
        (["a"], ["b", "a"], [(0, 1)]),  # what is loaded, though another was first
        (["a", "b"], ["a", "a"], [(0, 0), (1, 1)]),  # nobody stands idle for want of a model
        (["ab", ""], ["c"], [(1, 0)]),  # a model more goes to the worker with the fewest
        (["ab", ""], [""], [(1, 0)]),
        (["ab", "a"], ["a", "ab"], [(1, 0), (0, 1)]),  # the one that could do both is kept for the other
        (["", ""], ["ab", "a", "b"], [(0, 1), (1, 2)]),  # one model is less to load than two
        ([""], ["a", "b"], [(0, 0)]),  # the first ready goes first
        ([], ["a"], []),
        (["a"], [], []),
    ],
)
def test_who_does_what(idle: list[str], needed: list[str], expected: list[tuple[int, int]]) -> None:
    assert chosen([set(names) for names in idle], [set(names) for names in needed]) == expected


@given(st.lists(models, max_size=5), st.lists(models, max_size=6))
def test_all_that_can_be_paired_is_and_nothing_left_over_would_do_better(
    idle: list[frozenset[str]], needed: list[frozenset[str]]
) -> None:
    found = chosen(idle, needed)
    workers, done = [worker for worker, _ in found], [task for _, task in found]
    assert len(found) == min(len(idle), len(needed))
    assert len(set(workers)) == len(set(done)) == len(found)
    for worker, task in found:
        load = len(needed[task] - idle[worker])
        assert all(len(needed[task] - idle[other]) >= load for other in set(range(len(idle))) - set(workers))
        assert all(len(needed[other] - idle[worker]) >= load for other in set(range(len(needed))) - set(done))
