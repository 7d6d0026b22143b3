"""MMGuard beside its ablations: all at the same seeds, and a level that was not wholly met is empty."""

from pathlib import Path

import pandas as pd
import pytest

from bench.tables.game import split_games
from bench.tables.knowledge import TITLES, score_entry
from bench.tables.runs import NOT_CHECKED
from reports import ablations
from reports.headline import load_rows
from reports.levels import ONE_SEED


@pytest.fixture
def played(bench_home: Path) -> pd.DataFrame:
    """The published rows of MMGuard and `em` in the game that was played most."""
    rows = max((rows for _, rows in split_games(load_rows())), key=len)
    return rows[rows["defense_label"].isin(["mmguard", "em", "none"])]


def cells(table: str) -> dict[str, dict[str, str]]:
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line
    )
    return {row[0].strip("`"): dict(zip(head, row, strict=True)) for row in rows}


def test_numbers_are_of_the_seeds_that_all_have(played: pd.DataFrame) -> None:
    table = cells(ablations.tabulate(played))
    assert list(table) == ["mmguard", "em"], "clean data are no release"
    assert set(played["seed"]) > set(ablations.SEEDS)
    compared = played[played["seed"].isin(ablations.SEEDS)]
    for label, row in table.items():
        assert row[TITLES["plain"]] == str(score_entry(compared, label).protection("plain"))
        assert row["attacks met"] == "12 of 12"
    every = score_entry(played, "mmguard").protection("plain")
    assert table["mmguard"][TITLES["plain"]] != str(every), "it has more seeds, which do not count here"


def test_a_release_that_nobody_has_checked_is_left_out(played: pd.DataFrame) -> None:
    reported = played.assign(reason=played["reason"].mask(played["defense"] == "em", NOT_CHECKED))
    assert list(cells(ablations.tabulate(reported))) == ["mmguard"]


def test_a_number_of_one_seed_is_marked(played: pd.DataFrame) -> None:
    one = ablations.tabulate(played[played["seed"] == 0])
    assert all(cell.endswith(ONE_SEED) for cell in list(cells(one)["em"].values())[1:-1])
    assert ONE_SEED not in ablations.tabulate(played[played["defense"] == "em"])


def test_a_part_of_a_level_has_no_number_but_that_of_the_last_trainer(played: pd.DataFrame) -> None:
    few = ["lora_sft", "full_sft+crop_color+drop_inserted"]
    cut = played[(played["defense_label"] != "mmguard") | played["attack_text"].isin(few)]
    row = cells(ablations.tabulate(cut))["mmguard"]
    assert row[TITLES["K0"]] == row[TITLES["K1"]] == ""
    assert row["attacks met"] == "2 of 12" and row[TITLES["K2"]].startswith("+0.0")
