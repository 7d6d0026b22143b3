"""The tables and the figure of the headline: each defense has a row, and the figure is drawn."""

from pathlib import Path

import pytest

from bench.scoring.protection import Score
from bench.scoring.stats import Estimate
from bench.tables.knowledge import TITLES, Entry, tabulate_points
from bench.tables.levels import LevelScore
from leaderboard.charts import draw_knowledge
from reports import headline, markdown


def level(value: float, attack: str) -> LevelScore:
    """Return a score of three seeds without answers."""
    seeds = range(3)
    score = Score(Estimate(value, value - 0.1, value + 0.1), Estimate(0.8, 0.7, 0.9), eligible=True)
    return LevelScore(score, dict.fromkeys(seeds, attack), {}, (), (), dict.fromkeys(seeds, "x"), {})


@pytest.fixture
def entries() -> list[Entry]:
    return [
        Entry("mmguard", {"plain": level(0.8, "lora_sft"), "K0": level(0.5, "full_sft")}),
        Entry("random_noise", {"plain": level(0.0, "lora_sft")}),
    ]


def test_the_table_has_a_column_for_each_level_that_was_met(entries: list[Entry]) -> None:
    head, _, first, second = headline.tabulate_game(entries).splitlines()
    assert head.strip("| ").split(" | ") == ["release", TITLES["plain"], TITLES["K0"], "seeds", "attack, first seed"]
    assert first == "| `mmguard` | +0.80 [+0.70, +0.90] | +0.50 [+0.40, +0.60] | 3 | `full_sft` |"
    assert second == "| `random_noise` (control) | +0.00 [-0.10, +0.10] |  | 3 | `lora_sft` |"


def test_the_figure_is_drawn_with_the_defenses_that_were_asked_for(entries: list[Entry], tmp_path: Path) -> None:
    draw_knowledge(tabulate_points(entries), ["mmguard", "em"]).save(tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg") and ">mmguard<" in text and TITLES["K0"] in text
    assert ">random_noise<" not in text and ">em<" not in text


def test_a_page_keeps_what_is_outside_its_tables() -> None:
    page = "before\n<!-- table: one -->\nold\n<!-- end -->\nafter\n"
    filled = markdown.fill(page, {"one": lambda: "new"})
    assert filled == "before\n<!-- table: one -->\n\nnew\n\n<!-- end -->\nafter\n"
    assert markdown.fill(filled, {"one": lambda: "new"}) == filled
    with pytest.raises(KeyError):
        markdown.fill(page, {})
