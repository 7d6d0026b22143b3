"""Every page, run headless: nothing is raised, and what matters is on it."""

import ast
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import leaderboard
from bench.results import Run, save
from bench.spec import PROTOCOL

FOLDER = Path(leaderboard.__file__).parent
VIEWS = sorted(file for file in (FOLDER / "views").glob("*.py") if file.stem != "__init__")
PAGES = ["overview", "ranking", "matrix", "compare", "pareto", "cost", "defense", "attack", "run", "samples"]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> [x](javascript:alert(3)) ![t](http://t.example/p.png)"
HOSTILE += " :red[alert] :material/home: :smile: $alert$ \u202ealert\u202c " + "alert" * 200
Open = Callable[..., AppTest]
Enter = Callable[..., None]
Factory = Callable[..., Run]


def texts(app: AppTest) -> str:
    """All prose of a page."""
    kinds = [app.markdown, app.caption, app.info, app.warning, app.error, app.subheader, app.title]
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The Vega-Lite specifications of a page."""
    return [json.loads(element.proto.spec) for element in app.get("vega_lite_chart")]


def bodies(app: AppTest) -> str:
    """All HTML that a page inserts."""
    return "\n".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize("page", PAGES)
def test_empty_store_says_how_to_begin(bench_home: Path, open_page: Open, page: str) -> None:
    app = open_page(page)
    assert "No results yet" in app.info[0].value
    assert app.code[0].value == "bench run --defense mmguard --attack lora_sft"


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


def test_nothing_is_shown_by_accident(home: Path, open_page: Open) -> None:
    assert [text.value[:17] for text in open_page().markdown] == ["If this image-tex", "- **Protection**:"]
    assert not open_page("matrix").markdown
    assert not open_page("defense").markdown


@pytest.mark.parametrize("page", ["app", *(f"views/{file.stem}" for file in VIEWS)])
def test_no_docstring_of_a_page_is_shown_on_it(page: str) -> None:
    """Streamlit writes every expression of a page's file that stands alone, but for the first."""
    body = ast.parse((FOLDER / f"{page}.py").read_text()).body
    assert not [node for node in body[1:] if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]


def test_attacks_outside_the_required_set_are_behind_a_switch(
    home: Path, open_page: Open, run_factory: Factory
) -> None:
    save(run_factory(60, attack="full_sft"))
    app = open_page("matrix")
    assert charts(app)[0]["layer"][0]["encoding"]["x"]["sort"] == ["LoRA", "full"]
    app.toggle(key="others").set_value(True).run()
    assert charts(app)[0]["layer"][0]["encoding"]["x"]["sort"] == ["LoRA", "full", "jpeg"]
    assert charts(open_page("matrix", others="true"))[0]["layer"][0]["encoding"]["x"]["sort"][-1] == "jpeg"


def test_the_number_of_the_matrix_is_in_its_address(home: Path, open_page: Open) -> None:
    app = open_page("matrix", metric="accuracy on the test questions")
    assert charts(app)[0]["layer"][0]["encoding"]["color"]["scale"]["domain"] == [0, 1]
    assert "which is not among" in open_page("matrix", metric="beauty").warning[0].value


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


def test_a_game_with_stale_runs_only(bench_home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(1, protocol=PROTOCOL - 1))
    for page, message in (("ranking", "No defense with comparable runs"), ("matrix", "No comparable runs")):
        assert message in open_page(page).info[0].value


def test_games_are_not_mixed(enter: Enter, open_page: Open) -> None:
    enter("mmguard", 0.4)
    enter("mmguard", 0.6, epsilon=16)
    app = open_page()
    assert app.dataframe[0].value["Adaptive"].tolist() == pytest.approx([0.5])
    app.selectbox(key="epsilon").set_value(16).run()
    assert not app.exception
    assert app.dataframe[0].value["Adaptive"].tolist() == pytest.approx([0.25])
    assert open_page(epsilon="16").dataframe[0].value["Adaptive"].tolist() == pytest.approx([0.25]), "by its address"


def test_matrix(home: Path, open_page: Open) -> None:
    layers = charts(open_page("matrix"))[0]["layer"]
    assert [layer["mark"]["type"] for layer in layers] == ["rect", "rect", "text", "text", "rule", "text"]
    ranking = open_page().dataframe[0].value["Defense"].tolist()
    assert layers[0]["encoding"]["y"]["sort"] == [*(name for name in ranking if name != "tap"), "none"]
    assert layers[0]["encoding"]["href"]["field"] == "link", "a click opens the run"
    assert {"attack_text"} < {tip["field"] for tip in layers[0]["encoding"]["tooltip"]}, "the whole grammar"


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


def test_two_defenses_are_compared_from_their_address(enter: Enter, open_page: Open) -> None:
    for name, release in (("em", 0.4), ("mmguard", 0.2), ("tap", 0.3)):
        enter(name, release)
    app = open_page("compare")
    assert app.multiselect(key="with").value == ["mmguard", "tap"], "the first two"
    pairs, attacks, questions = (frame.value for frame in app.dataframe)
    assert pairs["Trainers reach"].tolist() == pytest.approx([-10.0])
    assert pairs["Protects better"].tolist() == ["mmguard"]
    assert attacks["difference"].tolist() == pytest.approx([0.125, 0.125])
    assert len(questions) == 40
    app.multiselect(key="with").set_value(["em", "mmguard", "tap"]).run()
    assert not app.exception
    assert len(app.dataframe[0].value) == 3


def test_a_page_of_a_defense_and_of_an_attack(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4)
    enter("em", 0.2, victim="tiny-gemma3")
    app = open_page("defense", name="em")
    assert not app.warning
    titles = [heading.value for heading in app.subheader]
    assert titles == [
        "Protection by what the trainer knows", "Adaptive protection by victim", "Against each attack",
        "Against the trainer's cost", "Its runs",
    ]  # fmt: skip
    assert "Huang et al" in app.table[0].value.to_csv()
    app = open_page("attack", name="full_sft")
    assert [heading.value for heading in app.subheader] == [
        "Protection that it leaves", "Protection that it leaves by victim", "Its runs",
    ]  # fmt: skip


@pytest.mark.parametrize(("page", "name"), [("defense", "tap"), ("attack", "lora_sft+bridge")])
def test_a_method_that_nobody_played_says_so(enter: Enter, open_page: Open, page: str, name: str) -> None:
    enter("em", 0.4)
    app = open_page(page, name=name)
    assert not app.warning
    assert "Nobody has played this" in app.info[0].value
    assert "bench run --defense" in app.code[0].value


@pytest.mark.parametrize("page", ["defense", "attack"])
def test_an_unknown_method_is_told(enter: Enter, open_page: Open, page: str) -> None:
    enter("em", 0.4)
    assert "`nobody`, which is not among" in open_page(page, name="nobody").warning[0].value


def test_only_what_has_a_rank_is_on_the_front(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4)
    enter("tap", 0.1, seeds=[0])
    enter("random_noise", 0.1, stealth={"psnr": 60.0})
    table = open_page("pareto").dataframe[0].value.set_index("Defense")
    assert dict(table["On the front"]) == {"em": True, "tap": False, "random_noise": False}


def test_run(home: Path, open_page: Open) -> None:
    app = open_page("run", run=f"{3:016x}")
    assert {metric.label: metric.value for metric in app.metric} == {
        "Protection": "0.80", "Without the release": "1.0%", "Attack, clean data": "71.0%",
        "Attack, release": "25.0%", "The same, validation": "24.0%",
    }  # fmt: skip
    assert app.metric[0].delta == "95 %: 0.70 to 0.99"
    assert app.code[0].value == "bench run --defense mmguard --attack lora_sft --seed 3"
    assert json.loads(app.json[0].value)["git"] == "abc1234"
    game, stealth, cost, artefacts = (frame.value for frame in app.dataframe)
    assert dict(zip(game["field"], game["value"], strict=True))["seed"] == "1"
    assert dict(zip(stealth["field"], stealth["value"], strict=True))["PSNR (dB)"] == "33.5"
    assert cost.loc["attack", "seconds"] == 20
    assert dict(zip(artefacts["stage"], artefacts["on this machine"], strict=True))["audit"] == False  # noqa: E712
    assert len(charts(app)) == 2


def test_run_address_follows_the_choice(home: Path, open_page: Open) -> None:
    app = open_page("run")
    assert app.query_params["run"] == f"{101:016x}"  # the newest
    app.selectbox(key="chosen run").set_value(f"{2:016x}").run()
    assert app.query_params["run"] == f"{2:016x}"
    assert app.metric[0].value == "0.90"


def test_run_without_a_score(home: Path, open_page: Open) -> None:
    app = open_page("run", run=f"{101:016x}")
    assert app.metric[0].value == "none"
    assert "too little to judge" in app.warning[0].value


def test_run_with_a_learning_curve(home: Path, open_page: Open, run_factory: Factory) -> None:
    accuracies = [(1, 0.30, 0.28), (2, 0.50, 0.44), (3, 0.45, 0.47)]
    curve = [{"epoch": epoch, "validation": seen, "test": test} for epoch, seen, test in accuracies]
    save(run_factory(60, curve=curve))
    app = open_page("run", run=f"{60:016x}")
    assert "Learning curve" in [heading.value for heading in app.subheader]
    caption = next(text.value for text in app.caption if "peak" in text.value)
    assert "**44.0%** at the peak of the trainer's own validation, epoch 2" in caption
    assert "**47.0%** at the last, epoch 3" in caption
    assert len(charts(app)) == 3


@pytest.mark.parametrize("curve", [None, [], [{"epoch": 1}], ["?"], {"epoch": 1}, [{"epoch": 1, "validation": "x"}]])
def test_run_without_a_learning_curve(home: Path, open_page: Open, run_factory: Factory, curve: object) -> None:
    save(run_factory(60, curve=curve))
    assert "Learning curve" not in [heading.value for heading in open_page("run", run=f"{60:016x}").subheader]


EFFECT = {"metric": "score", "items": 96, "of": 100, "zero": 0.3, "clean": 0.2, "attacked": 0.25,
          "clean_change": [-0.1], "attacked_change": [-0.05, -0.08, -0.02]}  # fmt: skip


def test_run_with_side_effects(home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(60, effects={"photos": EFFECT}))
    app = open_page("run", run=f"{60:016x}")
    assert "Side effects" in [heading.value for heading in app.subheader]
    table = next(frame.value for frame in app.dataframe if "attacked change" in frame.value)
    row = table.loc["photos"]
    assert (row["clean change"], row["attacked change"]) == ("-0.100", "-0.050 [-0.080, -0.020]")
    assert (row["zero"], row["items"]) == (0.3, "96 of 100")


@pytest.mark.parametrize("effects", [None, {}, {"photos": {}}, {"photos": 3}, {"photos": {**EFFECT, "zero": "x"}}])
def test_run_without_side_effects(home: Path, open_page: Open, run_factory: Factory, effects: object) -> None:
    save(run_factory(60, effects=effects))
    assert "Side effects" not in [heading.value for heading in open_page("run", run=f"{60:016x}").subheader]


def test_published_numbers_stand_apart(home: Path, open_page: Open) -> None:
    app = open_page("paper")
    assert app.title[0].value == "Published, not re-run"
    assert "2605.14291" in app.markdown[0].value
    assert "never ranked" in app.markdown[0].value
    means, cells = (frame.value for frame in app.dataframe)
    bph = means.set_index("Method").loc["BPH"]
    assert bph["Mean drop"] == pytest.approx(5.0, abs=0.05)
    assert bph["Share of gain removed"] == pytest.approx(0.21, abs=0.005)
    assert (bph["Drop over detectable, unpaired"], bph["Drop over detectable, at best"]) == ("0 of 30", "24 of 30")
    one = cells.set_index(["Data set", "Model", "Method"]).loc[("TextVQA", "Llama", "BPH")]
    assert one[["Zero-shot", "Clean", "Protected", "Drop"]].tolist() == pytest.approx([14.5, 82.0, 76.0, 6.0])
    assert one["Test items (inferred)"] == 200
    assert cells["Protection"].isna().sum() == 14 * 7, "gains under 10 points"
    assert "inferred" in app.caption[0].value
    assert len(charts(app)) == 1


def test_published_numbers_need_no_results_and_are_in_no_ranking(bench_home: Path, open_page: Open) -> None:
    assert len(open_page("paper").dataframe) == 2
    assert "No results yet" in open_page().info[0].value


@pytest.mark.parametrize("page", ["run", "samples"])
def test_an_address_that_leads_nowhere(home: Path, open_page: Open, page: str) -> None:
    assert "not among these results" in open_page(page, run="<script>").warning[0].value


def test_samples(home: Path, open_page: Open) -> None:
    app = open_page("samples", run=f"{2:016x}")
    assert app.selectbox[1].options == ["s0", "s1"]
    captions = [picture.caption for element in app.get("image") for picture in element.proto.imgs]
    assert captions[:3] == ["Original", "Released", "Difference × 10 (largest: 8 levels)"]
    assert captions[3:] == [r"s0\: thing 0", r"s1\: thing 1"], "the strip of other samples"
    assert "<mark>&lt;script&gt;alert(1)&lt;/script&gt;</mark> is &lt;b&gt;this&lt;/b&gt;?" in bodies(app)
    answers = app.dataframe[0].value
    assert answers.loc["a", ["target", "zero-shot", "clean", "protected"]].tolist() == [
        "apple",
        "cat",
        "apple",
        "apple",
    ]
    by_choice = {
        "the clean model does better than the protected one": ["b"],
        "the protected model is still right": ["a"],
    }
    for choice, left in {**by_choice, "all questions": ["a", "b", "c"]}.items():
        app.radio[-1].set_value(choice).run()
        assert app.dataframe[0].value.index.tolist() == left


def test_missing_artefacts_are_told(home: Path, open_page: Open) -> None:
    shutil.rmtree(home / "artifacts")
    app = open_page("samples")
    assert [message.value.split(" are ")[0] for message in app.info] == [
        "The pictures", "Answers (zero-shot, clean, protected)",
    ]  # fmt: skip
    shown = texts(open_page("run"))
    assert shown.count("No curve of this stage is at hand") == 2 and shown.count("Not on this machine: ") == 1


@pytest.mark.parametrize("page", PAGES)
def test_hostile_text_is_shown_as_text(bench_home: Path, open_page: Open, run_factory: Factory, page: str) -> None:
    names = ["defense", "attack", "dataset", "victim", "threat", "command"]
    options = {"defense_options": {HOSTILE: HOSTILE}, "provenance": {HOSTILE: HOSTILE}, "stages": {HOSTILE: HOSTILE}}
    save(
        run_factory(1, **dict.fromkeys(names, HOSTILE), **options, stealth={"linf": HOSTILE}, cost={HOSTILE: {"s": 1}})
    )
    app = open_page(page)
    assert "alert" not in texts(app) + bodies(app)
    assert all(not element.allow_html for element in app.markdown)
    assert any("alert" in option for box in app.selectbox for option in box.options)


def test_cost_shows_what_the_trainer_keeps_after_each_attack(home: Path, open_page: Open) -> None:
    app = open_page("cost")
    table = app.dataframe[0].value
    steps = table[table["Defense"] == "mmguard"]
    assert steps["Next attack"].tolist() == ["lora_sft", "jpeg"]
    assert steps["All so far"].tolist() == [1.0, 2.0]
    assert steps["Best so far"].tolist() == ["lora_sft", "jpeg"]
    assert table[table["Defense"] == "em"]["Best so far"].tolist() == ["lora_sft", "lora_sft"], "chosen on validation"
    assert len(charts(app)) == 1


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


def test_attacks_of_the_matrix_are_chosen_by_class_and_level(home: Path, open_page: Open) -> None:
    every = charts(open_page("matrix", others="true"))[0]["layer"][0]["encoding"]["x"]["sort"]
    assert every == ["LoRA", "jpeg"]
    chosen = charts(open_page("matrix", level="plain", others="true"))[0]["layer"][0]["encoding"]["x"]["sort"]
    assert chosen == ["LoRA"]
    chosen = charts(open_page("matrix", **{"class": "only train"}))[0]["layer"][0]["encoding"]["x"]["sort"]
    assert chosen == ["LoRA"]
    assert "`magic`" in open_page("matrix", **{"class": "magic"}).warning[0].value


def test_a_page_of_a_defense_has_pictures_budgets_and_costs(home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(60, epsilon=16))
    app = open_page("defense", name="mmguard", epsilon="8")
    titles = [heading.value for heading in app.subheader]
    assert {"Against the trainer's cost", "Pictures: original, released, difference"} <= set(titles)
    captions = [picture.caption for element in app.get("image") for picture in element.proto.imgs]
    assert captions == [r"s0\: thing 0", r"s1\: thing 1"]
    left = open_page("attack", name="lora_sft", epsilon="8")
    assert "Protection that it leaves by pixel budget ε" in [heading.value for heading in left.subheader]


def test_the_trainers_cost_is_a_measure_of_the_front(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4, cost={"attack": {"seconds": 20.0}})
    app = open_page("pareto", by="the trainer's seconds, for the best attack")
    assert not app.warning
    assert app.dataframe[0].value["Best attack (s)"].tolist() == [20.0]
    (hover,) = charts(app)[0]["params"]
    assert hover["select"]["on"] == "pointerover"


def test_options_and_captions_of_strangers_are_shown_as_text(enter: Enter, open_page: Open) -> None:
    for rounds, release in ((1, 0.2), (2, 0.4)):
        enter("em", release, defense_options={HOSTILE: rounds})
    app = open_page("defense", name="em")
    title = next(heading.value for heading in app.subheader if "Protection by `" in heading.value)
    assert title.startswith("Protection by `<script>alert(1)</script>") and title.endswith("…`")
    assert "\u202e" not in title


@pytest.mark.parametrize(("name", "message"), [("mmguard", "its answers are elsewhere"), ("none", "without a method")])
def test_a_defense_without_a_level_says_why(home: Path, open_page: Open, name: str, message: str) -> None:
    shutil.rmtree(home / "artifacts")
    assert message in open_page("defense", name=name).info[0].value
