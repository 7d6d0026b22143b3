"""The aggregation, against numbers computed by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.results import Run, save
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL
from bench.tables.cells import compute_cells
from bench.tables.ranks import order_defenses
from bench.tables.runs import load_runs, select_comparable, tabulate_runs


def cells() -> pd.DataFrame:
    return compute_cells(select_comparable(load_runs()))


def worst() -> pd.DataFrame:
    return cells()[lambda frame: frame["worst"]].set_index("defense_label")


def test_empty_store(bench_home: Path) -> None:
    frame = load_runs()
    assert frame.empty
    assert {"defense_label", "reason", "stealth_psnr", "seconds_protect"} <= set(frame.columns)


def test_a_game_without_comparable_runs_ranks_nobody(bench_home: Path, run_factory: Callable[..., Run]) -> None:
    save(run_factory(1, eligible=False))
    assert cells().empty
    assert worst().empty


def test_order_is_by_worst_case_protection(home: Path) -> None:
    assert order_defenses(cells()) == ["mmguard", "em", "random_noise", "none"]


def test_a_control_is_no_attack(home: Path, run_factory: Callable[..., Run]) -> None:
    before = cells()
    save(run_factory(31, attack="format_only", validation=1.0, protection=-9.0))
    pd.testing.assert_frame_equal(cells(), before)
    assert "format_only" in load_runs()["attack"].tolist()


def test_seeds_whose_answers_are_here_are_one_bootstrap(home: Path, run_factory: Callable[..., Run]) -> None:
    """Zero-shot 0, clean 80 %, protected 20, 25 and 30 % of 200 items: 1 - 0.25 / 0.8."""
    rates = {"a": 0.0, "b": 0.8, "c": 0.2, "d": 0.3, "e": 0.25}
    for key, rate in rates.items():
        folder = home / "artifacts" / "evaluate" / (key * 16)
        folder.mkdir()
        (folder / "manifest.json").write_text('{"stage": "evaluate", "payload": {}, "cost": {"seconds": 1.0}}')
        items = pd.DataFrame({"image_id": [f"p{i}" for i in range(200)], "score": 1.0 * (np.arange(200) < 200 * rate)})
        items.sample(frac=1, random_state=1).to_parquet(folder / "predictions.parquet")
    for seed, key in enumerate("cde"):
        stages = {"zero": "a" * 16, "clean": "b" * 16, "evaluate": key * 16}
        save(run_factory(30 + seed, defense="tap", seed=seed, stages=stages, protection=0.1, protection_low=-1))
    row = worst().loc["tap"]
    assert row["protection"] == pytest.approx(0.6875)
    assert 0.45 < row["low"] < 0.6 < 0.77 < row["high"] < 0.95


@pytest.mark.parametrize("stages", [{}, {"zero": "a" * 16, "clean": "../..", "evaluate": "b"}])
def test_seeds_whose_answers_cannot_be_read_are_as_if_elsewhere(
    bench_home: Path, run_factory: Callable[..., Run], stages: dict[str, str]
) -> None:
    for seed, protection in enumerate((0.2, 0.4)):
        save(run_factory(seed, seed=seed, stages=stages, protection=protection))
    assert worst()["protection"].tolist() == pytest.approx([0.3])


def test_mean_over_seeds_and_widest_interval(home: Path) -> None:
    row = worst().loc["mmguard"]
    assert row["attack_label"] == "jpeg"  # mean validation (0.40 + 0.50) / 2 = 0.45, above (0.20 + 0.24) / 2 = 0.22
    assert row["protection"] == pytest.approx(0.55)  # (0.60 + 0.50) / 2
    assert (row["low"], row["high"]) == (0.45, 0.70)
    assert row["seeds"] == 2
    assert row["run"] == f"{5:016x}"


def test_the_attack_is_chosen_on_validation_not_on_test(home: Path) -> None:
    row = worst().loc["em"]
    assert row["attack_label"] == "lora_sft"  # validation 0.45 > 0.35, although jpeg leaves less protection on test
    assert row["protection"] == 0.40


def test_a_tie_on_validation_goes_to_the_lower_protection(home: Path, run_factory: Callable[..., Run]) -> None:
    save(run_factory(20, defense="em", attack="blur", validation=0.45, protection=0.35))
    assert worst().loc["em", ["attack_label", "protection"]].tolist() == ["blur", 0.35]


def test_every_defense_has_exactly_one_worst_cell(home: Path) -> None:
    assert cells().groupby("defense_label")["worst"].sum().eq(1).all()


def test_attack_none_is_no_attack(home: Path, run_factory: Callable[..., Run]) -> None:
    save(run_factory(21, defense="mmguard", attack="none", validation=0.99, protection=-3.0))
    assert worst().loc["mmguard", "protection"] == pytest.approx(0.55)
    assert "none" not in cells()["attack_label"].tolist()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"evaluator": EVALUATOR + 1}, f"evaluator {EVALUATOR + 1}, current is {EVALUATOR}"),
        ({"protocol": PROTOCOL + 1}, f"protocol {PROTOCOL + 1}, current is {PROTOCOL}"),
        ({"eligible": False}, "clean data gain this trainer too little to judge"),
        ({"protection": None}, "clean data gain this trainer too little to judge"),
        ({"stealth": {"answers": 3}}, "the release has other answers: an upper bound, never ranked"),
        ({"stealth": {"answers": 0}}, ""),
        ({}, ""),
    ],
)
def test_why_a_run_is_not_comparable(
    bench_home: Path, run_factory: Callable[..., Run], changes: dict[str, object], reason: str
) -> None:
    save(run_factory(1, **changes))
    frame = load_runs()
    assert frame["reason"].tolist() == [reason]
    assert select_comparable(frame).empty == bool(reason)


def test_options_tell_entries_of_one_name_apart(bench_home: Path, run_factory: Callable[..., Run]) -> None:
    save(run_factory(1, defense_options={"rounds": 4, "tau": 0.1}))
    save(run_factory(2, defense_options={"rounds": 9, "tau": 0.1}))
    save(run_factory(3, attack_options={"rank": 8}))
    frame = load_runs()
    assert frame["defense_label"].tolist() == ["mmguard (rounds=4, tau=0.1)", "mmguard (rounds=9, tau=0.1)", "mmguard"]
    assert frame["attack_label"].tolist() == ["lora_sft", "lora_sft", "lora_sft(rank=8)"]
    assert len(cells()) == 3


def test_a_recipe_is_in_the_name_even_if_no_other_was_played(bench_home: Path, run_factory: Callable[..., Run]) -> None:
    """Otherwise the row of a recipe would be read as that of the default, and would change its name later."""
    for number in (1, 2):
        save(run_factory(number, seed=number, defense_options={"tau": 0.1}, attack_options={"rank": 8, "epochs": 20}))
    assert set(load_runs()["defense_label"]) == {"mmguard (tau=0.1)"}
    assert set(load_runs()["attack_label"]) == {"lora_sft(epochs=20,rank=8)"}
    assert cells()["seeds"].tolist() == [2]


def test_records_that_are_no_records(bench_home: Path, run_factory: Callable[..., Run]) -> None:
    odd = run_factory(1, stealth=["?"], cost={"protect": 3}, stages=None, baselines=["?"], provenance="x")
    frame = tabulate_runs([odd, run_factory(2, stealth={"psnr": "high", "linf": None})])
    assert frame[["stealth_psnr", "stealth_linf"]].isna().all(axis=None)
    assert pd.isna(frame["seconds_protect"][0])
    assert frame["stages"][0] == frame["baselines"][0] == frame["provenance"][0] == {}
    assert pd.isna(frame["utility_baseline"][0])


def test_stealth_and_cost_are_numbers(home: Path) -> None:
    row = worst().loc["mmguard"]
    assert row[["stealth_psnr", "stealth_linf", "stealth_words", "seconds_protect", "seconds_attack"]].tolist() == [
        33.5, 8, 2, 40, 20,
    ]  # fmt: skip
