"""The tables of docs/findings.md are those of the published results, and their numbers those of the rows."""

import re

import pandas as pd
import pytest

from attacks.grammar import BEST, expand_best
from bench.results import published
from reports import findings
from reports.findings import BLACK, PAGE, TABLES, WHITE

TEXT = PAGE.read_text(encoding="utf-8")
README = PAGE.parents[1].joinpath("README.md").read_text(encoding="utf-8")


def cells_of(table: str) -> pd.DataFrame:
    """What stands in a table, by its first column."""
    lines = [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return pd.DataFrame(lines[2:], columns=lines[0]).set_index(lines[0][0])


def test_every_table_is_on_the_page_and_none_is_stale() -> None:
    assert all(f"<!-- {name} -->" in TEXT for name in TABLES)
    assert findings.filled(TEXT) == TEXT, "python reports/findings.py writes them anew"


@pytest.mark.parametrize(("text", "least"), [(TEXT, 20), (README, 3)], ids=["findings", "readme"])
def test_an_interval_in_the_text_stands_in_a_table(text: str, least: int) -> None:
    intervals = re.findall(r"[+-]\d+\.\d+ \[[+-]\d+\.\d+, [+-]\d+\.\d+\]", findings.MARK.sub("", text))
    assert len(intervals) >= least
    tables = "".join(found[0] for found in findings.MARK.finditer(TEXT))
    assert not [each for each in intervals if each not in tables]


def test_a_mark_that_names_no_table_is_told() -> None:
    with pytest.raises(KeyError, match="whiter"):
        findings.filled("<!-- whiter -->\n<!-- end -->")


@pytest.mark.parametrize("bed", [WHITE, BLACK], ids=lambda bed: bed.threat)
def test_protections_are_those_of_the_rows_and_one_a_line_is_what_a_trainer_would_choose(bed: findings.Bed) -> None:
    frame = findings.runs()
    frame = frame[(frame["dataset"] == bed.dataset) & (frame["threat"] == bed.threat) & (frame["seed"] == 0)]
    lines = findings.protection(bed).splitlines()
    attacks = [cell.replace("`", "").replace(" ", "") for cell in lines[0].split("|")[2:-1]]
    assert len(lines) > 6
    for line in lines[2:]:
        assert line.count("**") == 2
        cells = line.split("|")[1:-1]
        own = frame[frame["defense_label"] == cells[0].strip(" `")].set_index("attack_label")
        wordless = (own["stealth_words"] == 0).all()
        for attack, cell in zip(attacks, cells[1:], strict=True):
            played = attack if attack in own.index or not wordless else attack.replace("+drop_inserted", "")
            if cell.strip():
                assert float(cell.strip(" *").split(" ")[0]) == pytest.approx(own.loc[played, "protection"], abs=0.0051)
            else:
                assert played not in own.index
        best = own[own.index.isin(expand_best(BEST))]["validation"]
        chosen = own.loc[best[best == best.max()].index, "protection"].round(2)
        assert float(line.split("**")[1].split(" ")[0]) in set(chosen)


@pytest.mark.parametrize("bed", [WHITE, BLACK], ids=lambda bed: bed.threat)
def test_a_gap_is_the_difference_of_accuracies(bed: findings.Bed) -> None:
    accuracy = findings.cells(bed).set_index(["attack_label", "defense_label"])["utility"]
    table = cells_of(findings.rivals(bed))
    compared = 0
    for attack, row in table.drop("the best against each").iterrows():
        for rival, cell in row[row != ""].items():
            away = 100 * (accuracy[attack, rival] - accuracy[attack, "mmguard"])
            assert float(cell.split(" ")[0]) == pytest.approx(away, abs=0.051)
            compared += 1
    assert compared > 10


def test_a_seed_that_one_cell_lacks_is_in_no_cell_of_several_seeds() -> None:
    for _, cell in findings.cells(findings.SEEDS).iterrows():
        assert set(cell["answers"]) == set(findings.SEEDS.seeds)


@pytest.mark.parametrize("bed", [findings.SEEDS, findings.BLACK_SEEDS], ids=lambda bed: bed.threat)
def test_seed_by_seed_stand_plain_and_what_a_trainer_would_choose(bed: findings.Bed) -> None:
    table = cells_of(findings.by_seed(bed))
    chosen = findings.cells(bed)[lambda frame: frame["worst"]]["attack_label"]
    assert set(table.index) == {"lora_sft", *chosen}
    for _, row in table.iterrows():
        *each, together = (float(cell.split(" ")[0]) for cell in row.iloc[1:])
        assert len(each) == 3
        assert min(each) - 0.011 <= together <= max(each) + 0.011


def test_coverage_counts_what_the_suite_plans_and_what_is_published() -> None:
    told = published.about()
    assert told is not None
    suite = told["suites"]["embedded"]
    pairs = [cell.split(" of ") for cell in cells_of(findings.coverage()).iloc[:, 2:].to_numpy().ravel() if cell]
    assert sum(int(b) for _, b in pairs) == suite["planned"]
    assert sum(int(b) - int(a) for a, b in pairs) == len(suite["not_played"])


def test_what_removes_nothing_gave_the_same_answers_and_what_cleans_pictures_did_not() -> None:
    frame = findings.runs()
    clean = frame[(frame["defense"] == "none") & (frame["dataset"] == "emoji_catalog")]
    stages = dict(iter(clean.set_index("seed").groupby("attack_label")["stages"]))
    plain, removed, jpeg = (stages[f"lora_sft{part}"] for part in ("", "+drop_inserted", "+jpeg(quality=30)"))
    assert findings.same_answers(plain, removed, (0, 1, 2))
    assert not findings.same_answers(plain, jpeg, (0,))
    assert not findings.same_answers(plain, removed, (0, 9)), "a seed that was not played"
