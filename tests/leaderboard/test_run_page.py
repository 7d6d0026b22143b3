"""The pages of one run: its numbers and curves, its pictures and answers."""

import json
import shutil
from pathlib import Path

import pytest

from bench.results import save
from tests.leaderboard.pages import Factory, Open, bodies, charts, texts


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
