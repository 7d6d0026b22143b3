"""The tables of docs/findings.md are those of the published results, and their numbers those of the rows."""

import re

import pandas as pd
import pytest

from attacks.grammar import published_set
from bench.results import published
from reports import findings
from reports.beds import BLACK, BLACK_SEEDS, WHITE, WHITE_SEEDS, Bed, bed_cells, published_runs
from reports.findings import PAGE, TABLES

TEXT = PAGE.read_text(encoding="utf-8")
README = PAGE.parents[1].joinpath("README.md").read_text(encoding="utf-8")


def parse(table: str) -> pd.DataFrame:
    """Return the texts of a Markdown table; the index is its first column."""
    lines = [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return pd.DataFrame(lines[2:], columns=lines[0]).set_index(lines[0][0])


def test_every_table_is_on_the_page_and_none_is_stale() -> None:
    assert all(f"<!-- {name} -->" in TEXT for name in TABLES)
    assert findings.fill(TEXT) == TEXT, "python -m reports.findings writes them anew"


@pytest.mark.parametrize(("text", "least"), [(TEXT, 20), (README, 3)], ids=["findings", "readme"])
def test_an_interval_in_the_text_stands_in_a_table(text: str, least: int) -> None:
    intervals = re.findall(r"[+-]\d+\.\d+ \[[+-]\d+\.\d+, [+-]\d+\.\d+\]", findings.TABLE.sub("", text))
    assert len(intervals) >= least
    tables = "".join(match[0] for match in findings.TABLE.finditer(TEXT))
    assert not [interval for interval in intervals if interval not in tables]


def test_the_name_of_no_table_is_an_error() -> None:
    with pytest.raises(KeyError, match="whiter"):
        findings.fill("<!-- whiter -->\n<!-- end -->")


@pytest.mark.parametrize("bed", [WHITE, BLACK], ids=lambda bed: bed.threat)
def test_protections_are_those_of_the_rows_and_one_in_a_line_is_chosen(bed: Bed) -> None:
    frame = published_runs()
    frame = frame[(frame["dataset"] == bed.dataset) & (frame["threat"] == bed.threat) & (frame["seed"] == 0)]
    lines = findings.matrix(bed).splitlines()
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
        best = own[own.index.isin(published_set())]["validation"]
        chosen = own.loc[best[best == best.max()].index, "protection"].round(2)
        assert float(line.split("**")[1].split(" ")[0]) in set(chosen)


@pytest.mark.parametrize("bed", [WHITE, BLACK], ids=lambda bed: bed.threat)
def test_a_gap_is_the_difference_of_accuracies(bed: Bed) -> None:
    accuracy = bed_cells(bed).set_index(["attack_label", "defense_label"])["utility"]
    table = parse(findings.rivals(bed))
    compared = 0
    for attack, row in table.drop("the best against each").iterrows():
        for rival, cell in row[row != ""].items():
            away = 100 * (accuracy[attack, rival] - accuracy[attack, "mmguard"])
            assert float(cell.split(" ")[0]) == pytest.approx(away, abs=0.051)
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("bed", [WHITE_SEEDS, BLACK_SEEDS], ids=lambda bed: bed.threat)
def test_the_table_by_seed_has_the_plain_attack_and_the_chosen_ones(bed: Bed) -> None:
    table = parse(findings.by_seed(bed))
    chosen = bed_cells(bed)[lambda frame: frame["worst"]]["attack_label"]
    assert set(table.index) == {"lora_sft", *chosen}
    for _, row in table.iterrows():
        *alone, together = (float(cell.split(" ")[0]) for cell in row.iloc[1:])
        assert len(alone) == 3
        assert min(alone) - 0.011 <= together <= max(alone) + 0.011


def test_coverage_counts_what_the_suite_plans_and_what_is_published() -> None:
    about = published.read_provenance()
    assert about is not None
    suite = about["suites"]["embedded"]
    pairs = [cell.split(" of ") for cell in parse(findings.coverage()).iloc[:, 2:].to_numpy().ravel() if cell]
    assert sum(int(b) for _, b in pairs) == suite["planned"]
    assert sum(int(b) - int(a) for a, b in pairs) == len(suite["not_played"])
