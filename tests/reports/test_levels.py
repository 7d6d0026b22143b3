"""Cells by level: protection, a mark where it has one seed, and nothing where a level was not met."""

from bench.scoring.protection import Score
from bench.scoring.stats import Estimate
from bench.tables.knowledge import Entry
from bench.tables.levels import LevelScore
from reports import levels


def score(seeds: int, eligible: bool = True) -> LevelScore:
    """Return a score of some seeds without answers."""
    chosen = dict.fromkeys(range(seeds), "lora_sft")
    value = Score(Estimate(0.5, 0.4, 0.6), Estimate(0.8, 0.7, 0.9), eligible=eligible)
    return LevelScore(value, chosen, {}, (), (), {}, {})


ENTRY = Entry("em", {"plain": score(3), "K0": score(1), "K1": score(3, eligible=False)})


def test_a_cell_says_protection_and_marks_one_seed() -> None:
    assert levels.cell(ENTRY, "plain") == "+0.50 [+0.40, +0.60]"
    assert levels.cell(ENTRY, "K0") == "+0.50 [+0.40, +0.60]" + levels.ONE_SEED


def test_what_was_not_met_or_is_not_defined_is_empty() -> None:
    assert levels.cell(ENTRY, "K1") == levels.cell(ENTRY, "K2") == ""


def test_a_table_has_a_legend_where_it_has_the_mark() -> None:
    assert levels.add_legend("| +0.50 |") == "| +0.50 |"
    assert levels.add_legend(f"| +0.50{levels.ONE_SEED} |").splitlines()[-1] == f"{levels.ONE_SEED} One seed."
