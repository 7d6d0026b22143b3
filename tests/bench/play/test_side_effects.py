"""Side effects in the toy game: who is asked, what a row says of it, and what stays when it is played again."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import results
from bench.errors import UserError
from bench.play import run, schedule, side_effects
from bench.play.plan import make_plan
from bench.results import Run
from bench.spec import Method, RunSpec
from bench.tables.summary import summarize

HIDE = RunSpec(defense=Method(name="hide"), attack=Method(name="lora_sft"))
NOTHING = RunSpec(defense=Method(name="none"), attack=Method(name="none"))


@pytest.fixture
def reader(game: Any, foreign: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Toy victims that read the number which a picture shows, if they know the thing of that number."""
    plain: Callable[[str], Any] = sys.modules["bench.lvlm.catalog"].load_once

    def model(name: str) -> Any:
        victim = plain(name)

        def generate(questions: list[str], images: list[np.ndarray], max_new_tokens: int) -> list[str]:
            game.computed.append("foreign answers")
            numbers = [int(image[0, 0, 0]) for image in images]
            return [str(n) if f"thing {n}" in victim.learned else "unknown" for n in numbers]

        victim.generate = generate
        return victim

    monkeypatch.setattr(sys.modules["bench.lvlm.catalog"], "load_once", model)
    return game


def test_another_data_set_is_asked_of_three_models(game: Any) -> None:
    """Of 40 questions the base victim knows 4, the clean fine-tune 32, the attacked one 16."""
    row = side_effects.play_with_side_effects(HIDE, ["emoji_smoke"])
    found = (row.effects or {})["emoji_smoke"]
    assert (found["metric"], found["items"], found["of"]) == ("score", 40, 40)
    assert (found["zero"], found["clean"], found["attacked"]) == (0.1, 0.8, 0.4)
    for change, value in (("clean_change", 0.7), ("attacked_change", 0.3)):
        mean, low, high = found[change]
        error = 1.96 * (value * (1 - value) / 40) ** 0.5
        assert (mean, low, high) == pytest.approx((value, value - error, value + error), abs=0.03)
    assert [role for role in row.stages if "@" in role] == [f"{who}@emoji_smoke" for who in side_effects.MODELS]
    (saved,) = results.load()
    assert (saved.effects, saved.stages) == (row.effects, row.stages)
    assert saved.command.endswith(" --side-effects emoji_smoke")


def test_a_task_of_lm_evals_is_asked_too(reader: Any) -> None:
    """It shows 0, 2, 3, 5 and 100, 102, 103, 105; the base victim knows 0 to 3, the others 5 as well."""
    row = side_effects.play_with_side_effects(HIDE, ["toy_val", "toy_plain"])
    found = row.effects or {}
    assert (found["toy_val"]["metric"], found["toy_val"]["items"], found["toy_val"]["of"]) == ("exact_match", 8, 12)
    assert [found["toy_val"][who] for who in ("zero", "clean", "attacked")] == [3 / 8, 4 / 8, 4 / 8]
    assert [found["toy_plain"][who] for who in ("zero", "clean", "attacked")] == [3 / 4, 1, 1]
    mean, low, high = found["toy_val"]["attacked_change"]
    assert mean == 1 / 8
    assert low <= 0 < 1 / 8 < high


def test_a_metric_that_is_no_mean_has_a_change_without_an_interval(reader: Any, foreign: Path) -> None:
    file = foreign / "toy_plain.yaml"
    file.write_text(file.read_text().replace("exact_match, aggregation: mean", "exact_match, aggregation: median"))
    found = (side_effects.play_with_side_effects(HIDE, ["toy_plain"]).effects or {})["toy_plain"]
    assert found["attacked_change"] == [found["attacked"] - found["zero"]]


def test_without_training_nothing_changes(game: Any) -> None:
    row = side_effects.play_with_side_effects(NOTHING, ["emoji_smoke"])
    found = (row.effects or {})["emoji_smoke"]
    assert found["zero"] == found["attacked"] == 0.1
    assert found["attacked_change"] == [0, 0, 0]
    assert row.stages["zero@emoji_smoke"] == row.stages["evaluate@emoji_smoke"]


def test_they_are_asked_once_and_stay(reader: Any) -> None:
    side_effects.play_with_side_effects(HIDE, ["toy_plain"])
    computed = list(reader.computed)
    again = side_effects.play_with_side_effects(HIDE, ["toy_plain"])
    assert reader.computed == computed
    without = run.play_run(HIDE)
    assert (without.effects, without.stages) == (again.effects, again.stages)
    more = side_effects.play_with_side_effects(HIDE, ["emoji_smoke"])
    assert list(more.effects or {}) == ["toy_plain", "emoji_smoke"]
    assert more.command.endswith("--side-effects toy_plain,emoji_smoke")
    assert len(results.load()) == 1


def test_a_suite_keeps_a_row_with_side_effects(game: Any) -> None:
    row = side_effects.play_with_side_effects(HIDE, ["emoji_smoke"])
    outcome = schedule.play_plan(make_plan([HIDE]), engine=None)  # type: ignore[arg-type]
    assert (outcome.kept, outcome.recorded) == ([row.id], [])
    assert results.load()[0].effects == row.effects


def test_they_go_when_the_run_is_another(game: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other adapters, of changed code for instance: what the old ones did to other tasks says nothing about them."""
    side_effects.play_with_side_effects(HIDE, ["emoji_smoke"])
    monkeypatch.setattr("bench.stages.dataset.dataset_identity", lambda name: "anew")
    row = run.play_run(HIDE)
    assert row.effects is None
    assert len(results.load()) == 1


def test_data_that_are_missing_are_told_before_anything_is_played(reader: Any, foreign: Path) -> None:
    (foreign / "toy_more.parquet").unlink()
    with pytest.raises(UserError, match=r"side-effects: toy_val needs the data set parquet, which could not be read"):
        side_effects.play_with_side_effects(HIDE, ["toy_val"])
    assert reader.computed == []
    assert results.load() == []


def test_what_was_asked_needs_its_data_no_more(reader: Any, foreign: Path) -> None:
    first = side_effects.play_with_side_effects(HIDE, ["toy_val"])
    (foreign / "toy_more.parquet").unlink()
    assert side_effects.play_with_side_effects(HIDE, ["toy_val"]).effects == first.effects


def test_unknown_tasks_are_refused_with_the_nearest(foreign: Path) -> None:
    side_effects.check_tasks(["emoji_smoke", "toy_plain", "toy_val"])
    for name in ("toy_words", "mmlu", "toy_vall"):
        with pytest.raises(UserError, match=f"side-effects: '{name}' is not known"):
            side_effects.check_tasks([name])


def test_seeds_are_one_measurement(finished: Callable[..., Run]) -> None:
    runs = [finished(seed, zero=20, clean=24, protected=right) for seed, right in enumerate((8, 12))]
    for each in runs:
        each.effects = {"emoji_smoke": {}}
        each.stages |= {side_effects.role(who, "emoji_smoke"): each.stages[who] for who in side_effects.MODELS}
    found = summarize(runs).effects["emoji_smoke"]
    assert (found["zero"], found["clean"], found["attacked"]) == (0.5, 0.6, 0.25)
    assert found["attacked_change"][0] == -0.25
    assert found["attacked_change"][1] < -0.25 < found["attacked_change"][2]
    runs[1].effects = None
    assert summarize(runs).effects == {}


def test_answers_that_are_elsewhere_are_named(finished: Callable[..., Run]) -> None:
    run = finished()
    named = {side_effects.role(who, "emoji_smoke"): "0" * 16 for who in side_effects.MODELS}
    with pytest.raises(UserError, match="side-effects: the answers of zero@emoji_smoke are not on this machine"):
        side_effects.measure([run.stages | named], "emoji_smoke")
