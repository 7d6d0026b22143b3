"""MMGuard beside its ablations: all at the first seed, and a level that was not wholly met is empty."""

from pathlib import Path

import pandas as pd
import pytest

from bench.scoring.stats import Estimate
from bench.tables.game import split_games
from bench.tables.knowledge import TITLES
from bench.tables.ranks import compute_leaderboard
from reports import ablations
from reports.headline import load_rows


@pytest.fixture
def played(bench_home: Path) -> pd.DataFrame:
    """The published rows of MMGuard and `em` in the game that was played most."""
    rows = max((rows for _, rows in split_games(load_rows())), key=len)
    return rows[rows["defense_label"].isin(["mmguard", "em", "none"])]


def cells(table: str) -> dict[str, dict[str, str]]:
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    return {row[0].strip("`"): dict(zip(head, row, strict=True)) for row in rows}


def test_numbers_are_of_the_first_seed_alone(played: pd.DataFrame) -> None:
    table = cells(ablations.tabulate(played))
    assert list(table) == ["mmguard", "em"], "clean data are no release"
    board = compute_leaderboard(played[played["seed"] == 0]).set_index("defense_label")
    for label, row in table.items():
        best = board.loc[label]
        assert row[TITLES["plain"]] == str(Estimate(best["plain"], best["plain_low"], best["plain_high"]))
        assert row["attacks met"] == "12 of 12"
    assert set(played["seed"]) > {0}


def test_a_part_of_a_level_has_no_number_but_that_of_the_last_trainer(played: pd.DataFrame) -> None:
    few = ["lora_sft", "full_sft+crop_color+drop_inserted"]
    cut = played[(played["defense_label"] != "mmguard") | played["attack_text"].isin(few)]
    row = cells(ablations.tabulate(cut))["mmguard"]
    assert row[TITLES["K0"]] == row[TITLES["K1"]] == ""
    assert row["attacks met"] == "2 of 12" and row[TITLES["K2"]].startswith("+0.0")
