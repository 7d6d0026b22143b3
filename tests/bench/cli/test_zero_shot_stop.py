"""Where zero-shot answers leave less than ten points, nothing is protected or trained, unless --force says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from bench import datasets
from bench.lvlm.base import LVLM
from bench.scoring.protection import ELIGIBLE_GAIN
from tests.bench.toy_game import THINGS

RUN = ("run", "--defense", "hide", "--attack", "lora_sft")
ITEMS = len(THINGS["test"])
MOST = round(ITEMS * (1 - ELIGIBLE_GAIN))
"""The largest number of right answers that still leaves ten points."""


@pytest.fixture
def suite(bench_home: Path) -> str:
    """A suite of one defense on two data sets and two victims, with two seeds."""
    file = bench_home / "toys.yaml"
    matrix = {"defenses": ["hide"], "attacks": ["lora_sft"], "datasets": ["emoji_smoke"], "seeds": [0, 1]}
    file.write_text(yaml.safe_dump({"version": 1, "title": "Toys", "victims": ["tiny-llava-a"], **matrix}))
    return str(file)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make stages in this process, where the toys are."""

    class Here:
        def __enter__(self) -> "Here":
            self.ended: list[Any] = []
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def start(self, ready: list[Any]) -> list[Any]:
            ready[0].make()
            self.ended = [(ready[0], None)]
            return [ready[0]]

        def finished(self) -> list[Any]:
            return self.ended

    monkeypatch.setattr("bench.engine.base.open_engine", lambda *_: Here())


def test_a_run_stops_before_anything_dear_and_says_what_to_try(cli: Callable, game: Any) -> None:
    game.known = MOST + 1
    output = cli(*RUN, "--seeds", "0,1")
    assert (output.code, game.computed) == (2, ["answers to test"])
    assert f"zero-shot accuracy: {game.known / ITEMS:.1%}" in output.out
    assert output.err.startswith("error: zero-shot: 'tiny-llava-a' answers 92.5% of 'emoji_catalog'")
    assert output.err.count("\n") == 1 and "cannot add the 10 points" in output.err
    for command in ("`bench data prepare vqa-rad`", "--dataset vqa-rad", "`bench data check PATH`", "--force"):
        assert command in output.err


def test_exactly_ten_points_are_enough_to_go_on(cli: Callable, game: Any) -> None:
    game.known = MOST
    output = cli(*RUN)
    assert output.code == 0 and {"hide", "lora_sft"} <= set(game.computed)
    assert "zero-shot accuracy: 90.0%; clean data can add 10.0 points at most" in output.out


def test_force_goes_on(cli: Callable, game: Any) -> None:
    game.known = ITEMS
    output = cli(*RUN, "--force", "--json")
    (row,) = json.loads(output.out)["runs"]
    assert (output.code, row["utility_zero"], row["eligible"]) == (0, 1.0, False)
    assert {"hide", "lora_sft"} <= set(game.computed)


def test_zero_shot_itself_is_never_refused(cli: Callable, game: Any) -> None:
    game.known = ITEMS
    output = cli("run", "--defense", "none", "--attack", "none", "--json")
    assert output.code == 0 and json.loads(output.out)["runs"][0]["utility_zero"] == 1


def test_a_submission_skips_such_cells_and_plays_the_others(
    cli: Callable, game: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The victim knows nearly all of one data set and little of the other."""
    from bench.stages import evaluate

    def asked(victim: Any, task: str, split: str, progress: Any) -> Any:
        game.known = ITEMS if task == "emoji_smoke" else 4
        with use(victim, None):
            return answer(victim, task, split, progress)

    from bench.lvlm.adapters import use_adapter as use

    answer = evaluate.evaluate
    monkeypatch.setattr("bench.stages.dataset.dataset_identity", lambda name: name)
    file = tmp_path / "entry.yaml"
    entry = {"version": 1, "title": "An entry", "authors": ["someone"], "defense": {"name": "hide"}, "seeds": [0, 1]}
    file.write_text(yaml.safe_dump({**entry, "datasets": ["emoji_smoke", "emoji_catalog"]}))
    with monkeypatch.context() as patch:
        patch.setattr("bench.stages.evaluate.evaluate", asked)
        output = cli("submit", "run", str(file), "--json")
    assert output.code == 0, output.err
    assert {row["dataset"] for row in json.loads(output.out)["runs"]} == {"emoji_catalog"}
    assert output.err.startswith("skipped: zero-shot: 'tiny-llava-a' answers 100.0% of 'emoji_smoke'")


@pytest.mark.usefixtures("in_process")
def test_a_suite_leaves_such_cells_out_and_its_plan_marks_them(cli: Callable, game: Any, suite: str) -> None:
    game.known = ITEMS
    assert json.loads(cli("suite", "plan", suite, "--json").out)["saturated"] == [], "not known yet"
    output = cli("suite", "run", suite)
    assert output.code == 0 and game.computed == ["answers to test"]
    cells = "'tiny-llava-a' answers 100.0% of 'emoji_smoke' zero-shot (2 runs)"
    assert f"runs: 0 played, 0 as they were\nskipped, because clean data can add too little: {cells}" in output.out
    assert f"left out when it is played, but counted here: clean data can add too little: {cells}" in cli(
        "suite", "run", suite, "--dry-run"
    ).out.replace("\n(", " (")
    expected = {"dataset": "emoji_smoke", "victim": "tiny-llava-a", "zero_shot": 1.0, "runs": 2}
    assert json.loads(cli("suite", "plan", suite, "--json").out)["saturated"] == [expected]
    forced = json.loads(cli("suite", "run", suite, "--force", "--json").out)
    assert (len(forced["recorded"]), forced["skipped"]) == (2, []) and "hide" in game.computed
    again = json.loads(cli("suite", "run", suite, "--json").out)
    assert (len(again["kept"]), again["skipped"]) == (2, []), "finished runs cost nothing"


@pytest.mark.usefixtures("in_process")
def test_a_suite_with_room_is_played_as_before(cli: Callable, game: Any, suite: str) -> None:
    outcome = json.loads(cli("suite", "run", suite, "--json").out)
    assert (len(outcome["recorded"]), outcome["skipped"], outcome["failed"]) == (2, [], {})


def test_own_data_that_a_victim_answers_already(cli: Callable, victim: LVLM, tmp_path: Path) -> None:
    """Its answers are the victim's own zero-shot answers to the same question."""
    place = tmp_path / "known"
    place.mkdir()
    samples = [s for split in ("train", "test") for s in datasets.load("emoji_smoke", split)][:120]
    question = "What is this?"
    answers = victim.generate([question] * len(samples), [s.pixels for s in samples])
    rows = []
    for number, (sample, answer) in enumerate(zip(samples, answers, strict=True)):
        if answer.strip():
            Image.fromarray(sample.pixels).save(place / f"{number}.png")
            rows.append({"file_name": f"{number}.png", "question": question, "answer": answer.strip()})
    (place / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = cli("run", "--defense", "em", "--attack", "lora_sft", "--dataset", str(place))
    assert output.code == 2
    assert "error: zero-shot: 'tiny-llava-a' answers" in output.err and "Traceback" not in output.err
    made = {folder.name for folder in (tmp_path / "artifacts").iterdir()}
    assert "evaluate" in made and made.isdisjoint({"protect", "attack", "training"})


@pytest.mark.usefixtures("in_process")
def test_a_suite_warns_of_stages_that_will_not_fit(
    cli: Callable, game: Any, suite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENCH_DEVICE", raising=False)
    monkeypatch.setattr("bench.play.fit.device_gigabytes", lambda: [48.0])
    monkeypatch.setattr("bench.play.fit.least_gigabytes", lambda kind, _: 80.0 if kind == "attack" else 1.0)
    output = cli("suite", "run", suite, "--force")
    warnings = [line for line in output.err.splitlines() if line.startswith("will fail: memory: 'lora_sft on ")]
    assert len(warnings) == 4, "two releases and two seeds"
    assert output.code == 0 and "lora_sft" in game.computed
