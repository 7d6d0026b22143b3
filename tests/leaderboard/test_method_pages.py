"""The pages of one defense and of one attack."""

import shutil
from pathlib import Path

import pytest

from bench.results import save
from tests.leaderboard.pages import HOSTILE, Enter, Factory, Open
from tests.synthetic_home import make_run


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


def test_a_page_of_a_defense_has_pictures_budgets_and_costs(home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(60, epsilon=16))
    app = open_page("defense", name="mmguard", epsilon="8")
    titles = [heading.value for heading in app.subheader]
    assert {"Against the trainer's cost", "Pictures: original, released, difference"} <= set(titles)
    captions = [picture.caption for element in app.get("image") for picture in element.proto.imgs]
    assert captions == [r"s0\: thing 0", r"s1\: thing 1"]
    left = open_page("attack", name="lora_sft", epsilon="8")
    assert "Protection that it leaves by pixel budget ε" in [heading.value for heading in left.subheader]


def test_a_page_of_an_attack_shows_what_its_parts_make_of_pictures(home: Path, open_page: Open) -> None:
    """There is nothing to show of an attack that leaves them as they are."""
    title = "Pictures: released, as the trainer's model sees them"
    save(make_run(61, attack="lora_sft+jpeg"))
    app = open_page("attack", name="lora_sft+jpeg")
    assert title in [heading.value for heading in app.subheader]
    captions = [picture.caption for element in app.get("image") for picture in element.proto.imgs]
    assert captions == [r"s0\: thing 0", r"s1\: thing 1"]
    assert not open_page("attack", name="lora_sft").get("image")


@pytest.mark.parametrize(("name", "message"), [("mmguard", "its answers are elsewhere"), ("none", "without a method")])
def test_a_defense_without_a_level_says_why(home: Path, open_page: Open, name: str, message: str) -> None:
    shutil.rmtree(home / "artifacts")
    assert message in open_page("defense", name=name).info[0].value


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


def test_options_and_captions_of_strangers_are_shown_as_text(enter: Enter, open_page: Open) -> None:
    for rounds, release in ((1, 0.2), (2, 0.4)):
        enter("em", release, defense_options={HOSTILE: rounds})
    app = open_page("defense", name="em")
    title = next(heading.value for heading in app.subheader if "Protection by `" in heading.value)
    assert title.startswith("Protection by `<script>alert(1)</script>") and title.endswith("…`")
    assert "\u202e" not in title
