"""The pages that set defenses side by side: matrix, comparison, front and cost."""

from pathlib import Path

import pytest

from bench.results import save
from tests.leaderboard.pages import Enter, Factory, Open, charts


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


def test_matrix(home: Path, open_page: Open) -> None:
    layers = charts(open_page("matrix"))[0]["layer"]
    assert [layer["mark"]["type"] for layer in layers] == ["rect", "rect", "text", "text", "rule", "text"]
    ranking = open_page().dataframe[0].value["Defense"].tolist()
    assert layers[0]["encoding"]["y"]["sort"] == [*(name for name in ranking if name != "tap"), "none"]
    assert layers[0]["encoding"]["href"]["field"] == "link", "a click opens the run"
    assert {"attack_text"} < {tip["field"] for tip in layers[0]["encoding"]["tooltip"]}, "the whole grammar"


def test_attacks_of_the_matrix_are_chosen_by_class_and_level(home: Path, open_page: Open) -> None:
    every = charts(open_page("matrix", others="true"))[0]["layer"][0]["encoding"]["x"]["sort"]
    assert every == ["LoRA", "jpeg"]
    chosen = charts(open_page("matrix", level="plain", others="true"))[0]["layer"][0]["encoding"]["x"]["sort"]
    assert chosen == ["LoRA"]
    chosen = charts(open_page("matrix", **{"class": "only train"}))[0]["layer"][0]["encoding"]["x"]["sort"]
    assert chosen == ["LoRA"]
    assert "`magic`" in open_page("matrix", **{"class": "magic"}).warning[0].value


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


def test_only_what_has_a_rank_is_on_the_front(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4)
    enter("tap", 0.1, seeds=[0])
    enter("random_noise", 0.1, stealth={"psnr": 60.0})
    table = open_page("pareto").dataframe[0].value.set_index("Defense")
    assert dict(table["On the front"]) == {"em": True, "tap": False, "random_noise": False}


def test_the_trainers_cost_is_a_measure_of_the_front(enter: Enter, open_page: Open) -> None:
    enter("em", 0.4, cost={"attack": {"seconds": 20.0}})
    app = open_page("pareto", by="the trainer's seconds, for the best attack")
    assert not app.warning
    assert app.dataframe[0].value["Best attack (s)"].tolist() == [20.0]
    (hover,) = charts(app)[0]["params"]
    assert hover["select"]["on"] == "pointerover"


def test_cost_shows_what_the_trainer_keeps_after_each_attack(home: Path, open_page: Open) -> None:
    app = open_page("cost")
    table = app.dataframe[0].value
    steps = table[table["Defense"] == "mmguard"]
    assert steps["Next attack"].tolist() == ["lora_sft", "jpeg"]
    assert steps["All so far"].tolist() == [1.0, 2.0]
    assert steps["Best so far"].tolist() == ["lora_sft", "jpeg"]
    assert table[table["Defense"] == "em"]["Best so far"].tolist() == ["lora_sft", "lora_sft"], "chosen on validation"
    assert len(charts(app)) == 1
