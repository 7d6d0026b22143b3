"""The tables of docs/results.md are made from the store, and hold what it holds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.results import Run, save
from reports import boxes, results
from tests.synthetic_home import nothing_shipped  # noqa: F401 - used by every test here


def test_every_box_has_its_own_column(
    home: Path, run_factory: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    save(run_factory(40, threat="black", protection=0.21, protection_low=0.1, protection_high=0.3))
    save(run_factory(41, threat="gray", defense="em", protection=0.5, epsilon=4))
    results.main("tiny-llava-a")
    lines = capsys.readouterr().out.splitlines()
    assert "| `mmguard` | +0.85 [+0.70, +0.99], 2 seeds |  | +0.21 [+0.10, +0.30] |" in lines
    assert "| `em` | +0.40 [+0.30, +0.50] |  |  |" in lines, "another budget is another game"
    assert "| tiny-llava-a | 0 | 1.0% | 71.0% | 70.0 points |" in lines
    assert "| tiny-llava-a | +0.02 [-0.04, +0.08] |" in lines
    assert not any("tap" in line for line in lines), "runs that cannot be compared"


def test_controls_come_first(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results.main("tiny-llava-a")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| `")]
    names = [line.split("`")[1] for line in lines]
    assert names == ["random_noise", "em", "mmguard", "none"] * 2


def test_the_boxes_of_a_victim_are_a_row_with_their_order(
    home: Path, run_factory: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    def box(key: int, threat: str, low: float, high: float, **changes: object) -> None:
        middle = {"protection": (low + high) / 2, "protection_low": low, "protection_high": high}
        save(run_factory(key, victim="v", threat=threat, surrogates=f"of {threat}", **middle, **changes))

    plain = {"defense": "em", "defense_options": {}}
    frozen = {"defense": "em", "defense_options": {"inner_steps": 0}}
    for key, (threat, low, high) in enumerate([("white", 0.4, 0.6), ("gray", 0.1, 0.3), ("black", 0.2, 0.4)], start=50):
        box(key, threat, low, high, **plain)
    for key, (threat, low, high) in enumerate([("white", 0.1, 0.2), ("black", 0.3, 0.4)], start=60):
        box(key, threat, low, high, **frozen)
    boxes.main()
    lines = capsys.readouterr().out.splitlines()
    assert "| v | `em` | +0.50 [+0.40, +0.60] | +0.20 [+0.10, +0.30] | +0.30 [+0.20, +0.40] | ? |" in lines
    assert "| v | `em`, no adaptation | +0.15 [+0.10, +0.20] |  | +0.35 [+0.30, +0.40] | no |" in lines
    assert any(line.startswith("| v | ") and line.endswith("| of gray | of black |") for line in lines)
