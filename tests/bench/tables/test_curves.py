"""Curves of protection along one number: of what is drawn, every point has its value, and one point is no curve."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.results import Run
from bench.tables.cells import compute_cells
from bench.tables.curves import tabulate_attack_options, tabulate_defense_options
from bench.tables.method_tables import tabulate_attack_games
from bench.tables.runs import select_comparable, tabulate_runs

Factory = Callable[..., Run]


@pytest.fixture
def table(bench_home: Path, run_factory: Factory) -> Callable[..., pd.DataFrame]:
    """Rows of runs with these columns each."""
    return lambda *rows: tabulate_runs([run_factory(number, **row) for number, row in enumerate(rows)])


def cells_of(runs: pd.DataFrame) -> pd.DataFrame:
    texts = dict(zip(runs["attack_label"], runs["attack_text"], strict=True))
    cells = compute_cells(select_comparable(runs))
    return cells.assign(attack_text=cells["attack_label"].map(texts))


def test_a_share_of_an_attack_is_a_curve_with_its_default(table: Callable[..., pd.DataFrame]) -> None:
    attack = "full_sft+mix_clean"
    runs = table(
        {"attack": attack, "attack_options": {"mix_clean.share": 0.2}, "protection": 0.1},
        {"attack": attack, "attack_options": {}, "protection": 0.3},
        {"attack": "lora_sft", "protection": 0.6},
    )
    points = tabulate_attack_options(cells_of(runs))
    assert set(points["option"]) == {"mix_clean.share"}
    assert points[["at", "value"]].values.tolist() == [[0.05, 0.3], [0.2, 0.1]]
    assert set(points["series"]) == {f"mmguard: {attack}"}


def test_an_option_of_a_defense_is_a_curve(table: Callable[..., pd.DataFrame]) -> None:
    runs = table(*({"defense": "em", "defense_options": {"rounds": rounds}} for rounds in (2, 8)), {"defense": "tap"})
    labels = ["em (rounds=2)", "em (rounds=8)", "tap"]
    board = pd.DataFrame({"defense_label": labels, "defense": ["em", "em", "tap"], "so_far": [0.1, 0.4, 0.2]})
    board = board.assign(so_far_low=board["so_far"], so_far_high=board["so_far"])
    points = tabulate_defense_options(board, runs)
    assert points[["option", "at", "series", "value"]].values.tolist() == [
        ["rounds", 2.0, "em", 0.1], ["rounds", 8.0, "em", 0.4],
    ]  # fmt: skip


@pytest.mark.parametrize("attack", ["<b>", "nobody+mix_clean", ""])
def test_attacks_from_elsewhere_have_no_curve(table: Callable[..., pd.DataFrame], attack: str) -> None:
    runs = table({"attack": attack, "attack_options": {"a": 1}}, {"attack": attack, "attack_options": {"a": 2}})
    assert tabulate_attack_options(cells_of(runs)).empty


def test_what_an_attack_leaves_in_each_game(table: Callable[..., pd.DataFrame]) -> None:
    runs = table(
        {"epsilon": 4, "protection": 0.2}, {"epsilon": 8, "protection": 0.7}, {"epsilon": 8, "attack": "full_sft"}
    )
    standings = [(game, cells_of(game)) for _, game in runs.groupby("epsilon")]
    left = tabulate_attack_games("epsilon", "lora_sft", standings)
    assert left[["epsilon", "variant", "value"]].values.tolist() == [[4, "mmguard", 0.2], [8, "mmguard", 0.7]]
