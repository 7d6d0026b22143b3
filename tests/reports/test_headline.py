"""The tables and the figure of the headline: each defense has a row, and the figure is drawn."""

import re
from pathlib import Path

import pandas as pd
import pytest

from bench.scoring.protection import Score
from bench.scoring.stats import Estimate
from bench.tables.game import split_games
from bench.tables.knowledge import TITLES, Entry, tabulate_points
from bench.tables.levels import LevelScore
from bench.tables.worth import compute_worth
from leaderboard.charts import draw_knowledge
from reports import headline, markdown


def level(value: float, attack: str, seeds: int = 3) -> LevelScore:
    """Return a score of some seeds without answers."""
    score = Score(Estimate(value, value - 0.1, value + 0.1), Estimate(0.8, 0.7, 0.9), eligible=True)
    chosen = dict.fromkeys(range(seeds), attack)
    return LevelScore(score, chosen, {}, (), (), dict.fromkeys(chosen, "x"), {})


@pytest.fixture
def entries() -> list[Entry]:
    return [
        Entry("mmguard", {"plain": level(0.8, "lora_sft"), "K0": level(0.5, "full_sft")}),
        Entry("random_noise", {"plain": level(0.0, "lora_sft")}),
    ]


def most_played(runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of the game with most of them."""
    return max((played for _, played in split_games(runs)), key=len)


def test_the_table_has_a_column_for_each_level_that_was_met(entries: list[Entry]) -> None:
    entries[0].levels["K0"].attacks.pop(2)
    entries[0].levels["plain"] = level(0.8, "lora_sft", seeds=1)
    head, _, first, second, _, legend = headline.tabulate_game(entries).splitlines()
    assert head.strip("| ").split(" | ")[:-1] == ["release", TITLES["plain"], TITLES["K0"], "seeds"]
    assert first == "| `mmguard` | +0.80 [+0.70, +0.90]¹ | +0.50 [+0.40, +0.60] | 2 | `full_sft` |"
    assert legend == "¹ One seed."
    entries[0].levels["plain"] = level(0.8, "lora_sft")
    assert "¹" not in headline.tabulate_game(entries)
    assert second == "| `random_noise` (control) | +0.00 [-0.10, +0.10] |  | 3 | `lora_sft` |"


def test_trainers_who_hold_more_than_the_release_are_left_to_the_findings(entries: list[Entry]) -> None:
    more = entries[0]._replace(levels={**entries[0].levels, "K3": level(0.4, "x"), "K4": level(0.3, "y")})
    assert headline.keep_ranked(more) == entries[0]


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


@pytest.fixture
def published_home(bench_home: Path) -> Path:
    """An empty home: answers come from the published files."""
    return bench_home


def test_the_summary_holds_those_alone_that_met_the_whole_adaptive_set(published_home: Path) -> None:
    runs = most_played(headline.load_rows())
    runs = runs[runs["defense_label"].isin(["mmguard", "em_class", "none"]) & (runs["seed"] == 0)]
    (entries,) = headline.score_games(runs).values()
    lines = headline.tell_summary(entries, compute_worth(entries, runs)).splitlines()
    rows = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert rows == [entry.defense for entry in entries if entry.so_far is None] and "mmguard" in rows
    assert len(rows) < len(entries) and lines[-1].startswith("A trainer who")


def test_no_table_of_a_page_is_stale(published_home: Path) -> None:
    runs = headline.load_rows()
    tables = headline.make_tables(runs, headline.score_games(runs))
    for page in headline.PAGES:
        text = page.read_text(encoding="utf-8")
        assert markdown.fill(text, tables) == text, f"{page.name}: python -m reports.headline"


def test_an_interval_in_the_text_of_a_page_stands_in_a_table() -> None:
    """One that the report writes, or one whose command, of a study, is in the paragraph above it."""
    texts = [page.read_text(encoding="utf-8") for page in headline.PAGES]
    tables = "".join(match[0] for text in texts for match in markdown.TABLE.finditer(text))
    blocks = [block for text in texts for block in markdown.TABLE.sub("", text).split("\n\n")]
    studied = {i for i in range(1, len(blocks)) if blocks[i][:1] == "|" and "`python -m studies." in blocks[i - 1]}
    tables += "".join(blocks[i] for i in studied)
    prose = "".join(block for i, block in enumerate(blocks) if i not in studied)
    outside = re.findall(r"[+-]\d+\.\d+ \[[+-]\d+\.\d+, [+-]\d+\.\d+\]", prose)
    assert outside and not [interval for interval in outside if interval not in tables]


def test_the_figure_shows_published_defenses() -> None:
    text = headline.FIGURE.read_text(encoding="utf-8")
    assert all(f">{name}<" in text for name in ("mmguard", "em", "random_noise"))


def test_accuracies_are_means_over_the_seeds_of_the_rows(published_home: Path) -> None:
    runs = most_played(headline.load_rows())
    table = headline.tabulate_accuracies(runs)
    own = runs[(runs["defense_label"] == "mmguard") & (runs["attack_text"] == "lora_sft")]
    game = own["utility"].mean()
    (row,) = [line for line in table.splitlines() if line.startswith("| `lora_sft` |")][:1]
    assert f"{100 * game:.1f}" in row.split(" | ")


def test_a_defense_that_met_a_part_of_the_set_stands_beside_the_others_at_the_same_seed(published_home: Path) -> None:
    runs = most_played(headline.load_rows())
    few = ["lora_sft", "full_sft+crop_color+drop_inserted"]
    cut = runs[(runs["defense_label"] != "mmguard") | ((runs["seed"] == 0) & runs["attack_text"].isin(few))]
    lines = headline.tabulate_first_seed(headline.score_first_seeds(cut)).splitlines()[4:]
    rows = {line.split("`")[1]: line.split(" | ") for line in lines}
    assert rows["mmguard"][3:] == ["`full_sft+crop_color+drop_inserted`", "2 of 12 |"]
    assert rows["em"][4] == "12 of 12 |"
    assert float(rows["mmguard"][2].split()[0]) < float(rows["mmguard"][1].split()[0])
    assert "| `mmguard` |" not in headline.tabulate_all(headline.score_games(cut))


def test_a_game_that_met_a_part_of_the_set_has_the_rows_and_attacks_that_were_played_alone(
    published_home: Path,
) -> None:
    runs = headline.load_rows()
    runs = runs[runs["dataset"] == "emoji_few"]
    games, first = headline.score_games(runs), headline.score_first_seeds(runs)
    (name,) = games
    sections = dict(part.split("\n", 1) for part in headline.tabulate_first_seed(first).split("### ") if part)
    rows = [line.strip("| ").split(" | ") for line in sections[name].splitlines() if line.startswith("| `")]
    assert "`mmguard`" in [release for release, *_ in rows]
    assert all(int(met.split(" of ")[0]) < 12 for *_, met in rows)
    assert name not in headline.tabulate_all(games)
    (part,) = [part for part in headline.tabulate_accuracies(runs).split("### ") if part.startswith(name)]
    played = set(runs["attack_text"])
    assert {line.split("`")[1] for line in part.splitlines()[4:] if line} == played


def test_the_boxes_have_the_numbers_of_the_first_seed(published_home: Path) -> None:
    runs = headline.load_rows()
    dataset = runs["dataset"].mode()[0]
    first = headline.score_first_seeds(runs[runs["dataset"].isin([dataset, "emoji_few"])])
    main = {game: scored for game, scored in first.items() if game.dataset == dataset}
    sections = headline.tabulate_first_seed(main).split("### ")[1:]
    rows = [line.strip("| ").split(" | ") for line in headline.tabulate_boxes(first, dataset).splitlines()[2:]]
    assert len(rows) == len(sections) == len({(victim, models) for victim, models, *_ in rows})
    for victim, models, plain, *_ in rows:
        names = models.replace("`", "").replace(", ", " and ")
        place = f"{victim.strip('`')}, " + ("white box\n" if models == victim else "")
        (section,) = [each for each in sections if place in each and (models == victim or f"on {names}\n" in each)]
        assert f"| `mmguard` | {plain} |" in section


def test_an_attack_outside_the_set_has_its_own_table(published_home: Path) -> None:
    runs = headline.load_rows()
    own = runs[(runs["defense"] == "mmguard") & (runs["attack_text"] == "full_sft")]
    other = own.assign(attack_text="adversarial", attack_label="adversarial")
    lines = headline.tabulate_outside(pd.concat([runs, other])).splitlines()
    assert [line for line in lines if line.startswith("| `mmguard` | `adversarial` |")]
    assert not [line for line in lines if "`full_sft` |" in line or "| `none` |" in line]


def test_attacks_outside_the_set_come_after_its_own(published_home: Path) -> None:
    runs = headline.load_rows()
    other = runs[runs["attack_text"] == "full_sft"].assign(attack_text="adversarial")
    lines = headline.tabulate_accuracies(pd.concat([other, runs])).splitlines()
    attacks = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert attacks[0] == "lora_sft" and attacks.index("adversarial") > attacks.index("tuned(trials=4)+drop_inserted")
