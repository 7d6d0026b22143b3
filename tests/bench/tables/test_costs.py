"""The ladder of each defense from cells: whose costs are known, in order, the best chosen on validation."""

import pandas as pd
import pytest

from bench.tables.costs import curve, ladders

NAMES = ["defense_label", "attack_label", "seconds_attack", "validation", "utility", "utility_zero"]


def cells(*rows: tuple[str, str, float | None, float, float]) -> pd.DataFrame:
    """Cells of (defense, attack, seconds, validation, test accuracy), with zero-shot 0.1 and a clean gain of 0.5."""
    frame = pd.DataFrame([(*row, 0.1) for row in rows], columns=NAMES)
    protection = 1 - (frame["utility"] - 0.1) / 0.5
    return frame.assign(protection=protection, low=protection - 0.05, high=protection + 0.05)


TABLE = cells(
    ("em", "lora_sft+bridge", 25.0, 0.5, 0.40),
    ("em", "lora_sft", 10.0, 0.3, 0.30),
    ("em", "full_sft", 5.0, 0.2, 0.50),
    ("lsp", "lora_sft", 20.0, 0.6, 0.60),
    ("tap", "full_sft", 20.0, 0.6, 0.60),
)


def test_a_curve_is_the_best_on_validation_against_the_sum_of_costs() -> None:
    em = curve(TABLE).query("defense == 'em'")
    assert em["attack"].tolist() == ["lora_sft", "full_sft", "lora_sft+bridge"]
    assert em["cost"].tolist() == [1.0, 0.5, 2.5]
    assert em["total"].tolist() == [1.0, 1.5, 4.0]
    assert em["best"].tolist() == ["lora_sft", "lora_sft", "lora_sft+bridge"]
    assert em["gain"].tolist() == pytest.approx([0.2, 0.2, 0.3])
    assert em["protection"].tolist() == pytest.approx([0.6, 0.6, 0.4])


def test_a_defense_that_never_met_the_unit_of_cost_has_no_curve() -> None:
    assert [defense for defense, _ in ladders(TABLE)] == ["em", "lsp"]


def test_an_attack_whose_time_is_not_known_is_left_out() -> None:
    table = cells(("em", "lora_sft", 10.0, 0.3, 0.3), ("em", "none", None, 0.9, 0.9))
    assert curve(table)["attack"].tolist() == ["lora_sft"]


def test_without_cells_the_curve_is_empty_with_its_columns() -> None:
    empty = curve(cells())
    assert empty.empty
    assert "total" in empty.columns
