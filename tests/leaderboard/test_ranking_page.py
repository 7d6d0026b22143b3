"""The page "Ranking": order, columns, filters, and the address that holds them."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.leaderboard.pages import Enter, Open, charts


def test_ranking(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4)
    enter("mmguard", 0.2)
    enter("tap", 0.1, seeds=[0], attacks=["lora_sft"])
    enter("random_noise", 0.8)
    app = open_page()
    table = app.dataframe[0].value
    assert table["Defense"].tolist() == ["mmguard", "em", "tap", "random_noise"]
    assert table["#"].tolist() == ["1", "2", "", ""]
    assert table["Status"].tolist() == ["listed", "listed", "not ranked: has met 1 of 2 attacks", "control"]
    assert table["Adaptive"].tolist() == pytest.approx([0.75, 0.5, float("nan"), 0.0], nan_ok=True)
    assert table["Plain"].tolist() == pytest.approx([0.75, 0.5, 0.875, 0.0])
    assert table["With queries"].isna().all(), "nobody met that attack"
    assert table["Attacks met"].tolist() == ["2 of 2", "2 of 2", "1 of 2", "2 of 2"]
    assert table["Against those"][2] == pytest.approx(0.875)
    low, high = map(float, table["95 % interval"][0].split(" to "))
    assert low < 0.75 < high
    assert table["Run"][0].startswith("run?run=")
    drawn = charts(app)[0]["layer"][0]["encoding"]
    assert drawn["y"]["sort"] == table["Defense"].tolist()
    assert drawn["color"]["condition"]["test"] == "datum.rank != ''"


def test_the_axis_fits_small_protections(enter: Enter, open_page: Open) -> None:
    enter("em", 0.76)
    (low, high) = charts(open_page())[0]["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low <= 0 < high < 0.5


def test_nobody_is_ranked_without_answers(home: Path, open_page: Open) -> None:
    app = open_page()
    table = app.dataframe[0].value
    assert set(table["#"]) == {""}
    assert {"em", "mmguard", "random_noise"} <= set(table["Defense"])
    assert "none" not in set(table["Defense"])


def test_no_defense_is_a_line_at_zero(enter: Enter, open_page: Open) -> None:
    enter("none", 0.8)
    enter("em", 0.4)
    app = open_page()
    assert app.dataframe[0].value["Defense"].tolist() == ["em"]
    marks = [layer["mark"] for layer in charts(app)[0]["layer"]]
    assert [mark["text"] for mark in marks if mark["type"] == "text" and "text" in mark] == ["no defense"]


def test_runs_that_are_not_comparable_stand_apart(home: Path, open_page: Open) -> None:
    app = open_page()
    (stale,) = (each.dataframe[0].value for each in app.expander if each.label == "Not comparable: 2 runs")
    assert stale["defense_label"].tolist() == ["tap", "tap"]


def test_games_are_not_mixed(enter: Enter, open_page: Open) -> None:
    enter("mmguard", 0.4)
    enter("mmguard", 0.6, epsilon=16)
    app = open_page()
    assert app.dataframe[0].value["Adaptive"].tolist() == pytest.approx([0.5])
    app.selectbox(key="epsilon").set_value(16).run()
    assert not app.exception
    assert app.dataframe[0].value["Adaptive"].tolist() == pytest.approx([0.25])
    assert open_page(epsilon="16").dataframe[0].value["Adaptive"].tolist() == pytest.approx([0.25]), "by its address"


def test_ranking_by_another_level_and_search_are_in_the_address(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4, stealth={"psnr": 30.0})
    enter("mmguard", 0.2, stealth={"psnr": 20.0})
    app = open_page(by="stealth (PSNR)")
    assert app.dataframe[0].value["Defense"].tolist() == ["em", "mmguard"]
    app.text_input(key="find").set_value("MMG").run()
    assert app.dataframe[0].value["Defense"].tolist() == ["mmguard"]
    assert open_page(find="MMG").dataframe[0].value["Defense"].tolist() == ["mmguard"]
    assert open_page(find="nobody").info[0].value == "No defense of this game fits the search."
    assert "`beauty`" in open_page(by="beauty").warning[0].value


def test_days_are_in_the_address_of_the_ranking(enter: Enter, open_page: Open, bench_home: Path) -> None:
    enter("em", 0.4, created=datetime(2026, 3, 1, 23, 59, tzinfo=UTC))
    enter("mmguard", 0.2, created=datetime(2026, 3, 3, tzinfo=UTC))
    app = open_page()
    assert app.dataframe[0].value["Defense"].tolist() == ["mmguard", "em"]
    app.date_input(key="until").set_value(date(2026, 3, 1)).run()
    assert app.dataframe[0].value["Defense"].tolist() == ["em"]
    kept = len(list((bench_home / "standings").glob("*.json")))
    assert open_page(**{"from": "2026-03-02"}).dataframe[0].value["Defense"].tolist() == ["mmguard"]
    assert open_page(until="2026-02-28").info[0].value == "No run was played in these days."
    assert "`soon`, which is no date" in open_page(until="soon").warning[0].value
    assert len(list((bench_home / "standings").glob("*.json"))) == kept, "visitors do not fill the home"


def test_the_ranking_is_limited_to_what_a_class_of_attacks_broke(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4)
    enter("mmguard", 0.2)
    table = open_page(broken="only train").dataframe[0].value
    assert table["Defense"].tolist() == ["mmguard", "em"]
    assert open_page(broken="clean words").info[0].value == "No defense of this game fits the search."
    assert "`magic`" in open_page(broken="magic").warning[0].value


def test_columns_of_the_ranking_are_in_its_address(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4)
    app = open_page(columns=["Plain", "SSIM"])
    assert list(app.dataframe[0].value) == ["#", "Defense", "Plain", "SSIM"]
    app.multiselect(key="columns").set_value(["Seeds"]).run()
    assert list(app.dataframe[0].value) == ["#", "Defense", "Seeds"]
    assert "`Beauty`" in open_page(columns="Beauty").warning[0].value
