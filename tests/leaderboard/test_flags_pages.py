"""Flags on the pages: beside the entries that they concern, in sentences below, and nothing is hidden for them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from bench.results import save
from bench.scoring.flag import Flag
from bench.tables import flags
from leaderboard import latest
from tests.leaderboard.pages import Enter, Factory, Open

LISTED = ["mmguard", "em", "random_noise"]


def sentences(app: AppTest) -> pd.DataFrame:
    """The flags of a page in sentences."""
    (table,) = (each.dataframe[0].value for each in app.expander if each.label.startswith("Flags"))
    return table


def numbers(app: AppTest) -> dict[tuple[str, str], dict[str, Any]]:
    """The cells of the matrix's chart."""
    (element,) = app.get("vega_lite_chart")
    rows = pa.ipc.open_stream(element.proto.datasets[0].data.data).read_all().to_pylist()
    assert json.loads(element.proto.spec)["layer"][2]["encoding"]["text"]["field"] == "number"
    return {(row["defense_label"], row["attack_label"]): row for row in rows}


def test_an_entry_has_its_flags_and_keeps_its_place(home: Path, open_page: Open) -> None:
    """jpeg: em 0.10 to 0.30, no defense 0.00 to 0.20."""
    app = open_page()
    table = sentences(app)
    assert any("em protects +0.20 [+0.10, +0.30] under jpeg, no defense +0.10" in text for text in table["What"])
    assert any("Flags" in text.value for text in app.markdown)


@pytest.mark.parametrize("page", ["ranking", "matrix"])
def test_flags_hide_no_row(home: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    """The same page with every flag that can be, and with none."""
    seen = []
    for raised in ([], [Flag("k", "", "", "all"), *(Flag("k", name, "jpeg", "one") for name in LISTED)]):
        monkeypatch.setattr(flags, "flag_game", lambda *_, raised=raised: raised)
        monkeypatch.setattr(latest, "_readings", {})
        app = open_page(page)
        table = app.dataframe[0].value.drop(columns="Flags") if page == "ranking" else None
        cells = None if page == "ranking" else {key: row["protection"] for key, row in numbers(app).items()}
        seen.append((table, cells, [e.label for e in app.expander if e.label.startswith("Flags")]))
    (bare, bare_cells, nothing), (full, full_cells, expander) = seen
    assert (nothing, len(expander)) == ([], 1)
    assert bare_cells == full_cells
    if page == "ranking":
        pd.testing.assert_frame_equal(bare, full)


def test_the_number_of_a_flagged_cell_has_a_mark(home: Path, open_page: Open) -> None:
    app = open_page("matrix", others="true")
    cells = numbers(app)
    assert cells["em", "jpeg"]["number"] == "0.20"
    marks = {attack: row["mark"] for (_, attack), row in cells.items() if attack == "lora_sft"}
    assert marks == {"lora_sft": flags.MARK}, "the attack has a flag that concerns all defenses"
    assert "control as good" in cells["em", "jpeg"]["flags"]
    assert len(cells) == 7
    assert sentences(app)["Where"].tolist()[-1] == "em × jpeg"


def test_a_game_without_flags_has_no_mark(bench_home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(1))
    for page in ("ranking", "matrix"):
        app = open_page(page)
        assert not [each.label for each in app.expander if each.label.startswith("Flags")]
        if page == "matrix":
            assert [(row["number"], row["mark"]) for row in numbers(app).values()] == [("0.66", "")]
        else:
            assert app.dataframe[0].value["Flags"].tolist() == [""]


def test_the_black_box_is_flagged_by_controls_of_the_white_one(
    bench_home: Path, open_page: Open, run_factory: Factory
) -> None:
    ends = {"protection": 0.1, "protection_low": 0.05, "protection_high": 0.15}
    save(run_factory(1, defense="em", threat="black", **ends))
    save(run_factory(2, defense="random_noise", threat="white", **ends))
    table = open_page(threat="black").dataframe[0].value
    assert table["Defense"].tolist() == ["em"], "a control that is lent is no entry"
    assert table["Flags"].tolist() == [f"{flags.MARK} control as good"]


def test_a_control_has_no_rank_however_good_and_however_many_seeds(enter: Enter, open_page: Open) -> None:
    enter("random_noise", 0.1, seeds=range(5))
    enter("em", 0.4, seeds=range(5))
    table = open_page().dataframe[0].value
    assert list(zip(table["Defense"], table["#"], table["Status"], strict=True)) == [
        ("em", "1", "listed"),
        ("random_noise", "", "control"),
    ]
