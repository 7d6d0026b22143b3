"""Runs that were played again are compared with what was published of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.results import Run
from studies import reproducibility
from tests.synthetic_home import nothing_shipped  # noqa: F401 - used by every test here

Factory = Callable[..., Run]


@pytest.fixture
def theirs(run_factory: Factory) -> list[Run]:
    """Protections 0.40 [0.30, 0.50] of em, twice, and 0.02 [-0.04, 0.08] of noise; one that has none."""
    em = {"defense": "em", "protection": 0.4, "protection_low": 0.3, "protection_high": 0.5}
    noise = {"defense": "random_noise", "protection": 0.02, "protection_low": -0.04, "protection_high": 0.08}
    none = {"protection": None, "protection_low": None, "protection_high": None, "eligible": False}
    return [
        run_factory(1, **em),
        run_factory(2, **noise),
        run_factory(3, **em, attack="jpeg"),
        run_factory(4, **none),
    ]


def test_equal_runs_count_as_equal(theirs: list[Run]) -> None:
    pairs = reproducibility.pair_runs(theirs, theirs)
    assert pairs.index.tolist() == [f"{number:016x}" for number in (1, 3, 2)]
    assert reproducibility.difference_table(pairs).splitlines()[-1] == "| all | 3 | 3 | 3 | +0.000 | 0.000 | 0.000 |"


def test_differences_are_ours_minus_theirs_whatever_the_order(theirs: list[Run], run_factory: Factory) -> None:
    ours = [run_factory(3, protection=0.25), run_factory(2, protection=0.02), run_factory(1, protection=0.44)]
    lines = reproducibility.difference_table(reproducibility.pair_runs(ours, theirs)).splitlines()
    assert lines[2:] == [
        "| `em` | 2 | 0 | 1 | -0.055 | 0.095 | 0.150 |",
        "| `random_noise` | 1 | 1 | 1 | +0.000 | 0.000 | 0.000 |",
        "| all | 3 | 1 | 2 | -0.037 | 0.040 | 0.150 |",
    ]


def test_a_run_that_one_side_lacks_is_not_compared(theirs: list[Run], run_factory: Factory) -> None:
    assert reproducibility.pair_runs([run_factory(50)], theirs).empty
    assert reproducibility.pair_runs([run_factory(4, protection=0.5)], theirs).empty, "theirs has no protection"


def test_a_home_without_a_published_run_is_an_error(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no run of this home is published"):
        reproducibility.main(tmp_path)
