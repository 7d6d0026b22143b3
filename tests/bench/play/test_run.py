"""A toy game played whole: its row has the numbers of a hand calculation, and what is finished is not done again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench import results
from bench.errors import UserError
from bench.play.run import play_run, score_answers
from bench.samples import SampleSet
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL, Budget, Method, RunSpec
from bench.store import artifacts

HIDE = RunSpec(defense=Method(name="hide"), attack=Method(name="lora_sft"))
ASKED = ["answers to test", "answers to validation"]
BASELINES = [*ASKED, "format_only", *ASKED]
REFERENCE = [*BASELINES, "lora_sft", *ASKED]
PROTECTED = ["hide", "lora_sft", *ASKED]


def changed(**fields: Any) -> RunSpec:
    """The run of `hide` against `lora_sft` with other fields."""
    return HIDE.model_copy(update=fields)


def release(row: results.Run) -> SampleSet:
    """What the owner published."""
    found = artifacts.find("protect", row.stages["protect"])
    assert found
    return SampleSet.load(found.folder)


def test_the_numbers_are_those_of_a_hand_calculation(game: Any) -> None:
    """Of 40: 4 known, 32 after clean training, 16 after protected: 1 - 12/28, with the ratio's normal interval."""
    row = play_run(HIDE)
    assert (row.utility_zero, row.utility_clean, row.utility) == (0.1, 0.8, 0.4)
    assert row.validation == 0.5  # things 11 to 15 of 11 to 20
    assert row.protection == pytest.approx(4 / 7)
    lost, kept = 16 * (3 / 7) ** 2, 12 * (4 / 7) ** 2
    error = ((lost + kept) / 40) ** 0.5 / (40**0.5 * 0.7)
    assert row.protection_low == pytest.approx(4 / 7 - 1.96 * error, abs=0.03)
    assert row.protection_high == pytest.approx(4 / 7 + 1.96 * error, abs=0.03)
    assert row.eligible


def test_the_row_tells_stealth_cost_and_request(game: Any) -> None:
    row = play_run(changed(seed=5, budget=Budget(epsilon=4, words=1), threat="black"))
    assert {key: row.stealth[key] for key in ("linf", "words", "edit_distance")} == {
        "linf": 4, "words": 1, "edit_distance": 16 * len("mark ") / 32,
    }  # fmt: skip
    assert row.stealth["psnr"] == pytest.approx(20 * np.log10(255 / 4), abs=0.01)
    protect = row.cost["protect"]
    assert protect["image_steps_per_second"] == pytest.approx(64 / protect["seconds"], abs=0.06)
    assert set(row.cost) == set(row.stages)
    assert all(cost["seconds"] >= 0 and cost["peak_mb"] > 1 for cost in row.cost.values())
    assert all({"processor_joules", "accelerator_joules"} < cost.keys() for cost in row.cost.values())
    assert (row.seed, row.epsilon, row.words, row.threat) == (5, 4, 1, "black")
    assert (row.protocol, row.evaluator, row.code) == (PROTOCOL, EVALUATOR, version("mmguard-bench"))
    assert (row.defense, row.defense_options, row.attack, row.attack_options) == ("hide", {}, "lora_sft", {})


def test_no_defense_protects_nothing_and_is_trained_once(game: Any) -> None:
    row = play_run(changed(defense=Method(name="none")))
    assert (row.protection, row.protection_low, row.protection_high) == (0, 0, 0)
    assert row.utility == row.utility_clean
    assert row.stages["attack"] == row.stages["clean_attack"]
    assert game.computed.count("lora_sft") == 1
    assert row.cost["protect"]["image_steps_per_second"] is None


def test_no_attack_learns_nothing(game: Any) -> None:
    row = play_run(changed(attack=Method(name="none")))
    assert (row.protection, row.eligible) == (None, False), "clean data are worth nothing to it either"
    assert row.utility == row.utility_clean == row.utility_zero
    assert row.stages["evaluate"] == row.stages["zero"]
    assert "attack" not in row.stages
    assert "attack" not in row.cost


def test_a_trainer_who_undoes_half_of_the_defense_gets_half_of_it_back(game: Any) -> None:
    row = play_run(changed(attack=Method(name="rinse")))
    assert row.utility == 24 / 40
    assert row.utility_clean == 32 / 40
    assert row.protection == pytest.approx(1 - 20 / 28)


def test_without_a_clean_gain_there_is_no_score(game: Any) -> None:
    game.known = 40
    row = play_run(HIDE)
    assert (row.utility_zero, row.utility_clean) == (1, 1)
    assert (row.protection, row.protection_low, row.protection_high, row.eligible) == (None, None, None, False)


def test_the_second_time_computes_nothing_and_leaves_the_row(game: Any) -> None:
    first, computed = play_run(HIDE), list(game.computed)
    second = play_run(HIDE)
    assert computed == game.computed == REFERENCE + PROTECTED
    (kept,) = results.load()
    assert kept.id == first.id == second.id
    assert kept.created == second.created
    assert kept.provenance["reused"] == first.provenance["reused"] == []
    assert (kept.stages, kept.protection_low, kept.cost) == (first.stages, first.protection_low, first.cost)


def test_another_attack_reuses_release_and_reference(game: Any) -> None:
    first = play_run(HIDE)
    second = play_run(changed(attack=Method(name="rinse")))
    assert game.computed == [*REFERENCE, *PROTECTED, "rinse", *ASKED, "rinse", *ASKED]
    both = {f"{name}{kind}" for name in ("clean", "") for kind in ("_attack", "_validation")} - {
        "_attack",
        "_validation",
    }
    computed = both | {"clean", "attack", "evaluate", "validation"}
    assert set(second.stages) - set(second.provenance["reused"]) == computed
    assert {row.id for row in results.load()} == {first.id, second.id}


def test_a_failure_keeps_what_was_finished(game: Any) -> None:
    play_run(changed(defense=Method(name="none")))
    game.computed.clear()
    game.broken = True
    with pytest.raises(MemoryError):
        play_run(HIDE)
    assert [row.defense for row in results.load()] == ["none"]
    game.broken = False
    row = play_run(HIDE)
    assert game.computed == ["hide", "lora_sft", "lora_sft", "answers to test", "answers to validation"]
    assert row.protection == pytest.approx(4 / 7)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"defense": Method(name="hide", options={"over": 1})}, "L-inf of 9 levels; allowed: 8"),
        ({"budget": Budget(words=0)}, "1 words inserted into a question; allowed: 0"),
    ],
)
def test_a_release_over_budget_is_not_played(game: Any, bench_home: Path, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        play_run(changed(**fields))
    assert game.computed == [*REFERENCE, "hide"]
    assert results.load() == []
    assert not list((bench_home / "artifacts" / "audit").iterdir())


@pytest.mark.parametrize(
    ("defense", "victim", "threat", "loaded"),
    [
        ("hide", "tiny-llava-a", "white", ["tiny-llava-a"]),
        ("hide", "tiny-llava-a", "gray", ["tiny-llava-b"]),
        ("hide", "tiny-llava-b", "black", ["tiny-qwen3vl", "tiny-internvl"]),
        ("hide", "tiny-qwen3vl", "black", ["tiny-llava-a", "tiny-internvl"]),
        ("hide_blindly", "tiny-llava-a", "white", []),
    ],
)
def test_a_defense_gets_the_models_of_its_threat(
    game: Any, defense: str, victim: str, threat: str, loaded: list[str]
) -> None:
    row = play_run(changed(defense=Method(name=defense), victim=victim, threat=threat))
    made = artifacts.find("protect", row.stages["protect"])
    assert made
    assert made.read("log.json")["loaded"] == loaded


def test_the_seed_alone_decides_the_draws(game: Any) -> None:
    one, other = play_run(HIDE), play_run(changed(seed=1))
    rinsed = play_run(changed(attack=Method(name="rinse"), threat="black"))
    assert rinsed.stages["protect"] != one.stages["protect"]
    assert release(rinsed).digest == release(one).digest != release(other).digest
    assert (one.utility, one.protection_low) == (other.utility, other.protection_low)


def test_every_stage_is_shown_in_order_with_its_progress(game: Any) -> None:
    shown: list[tuple[str, Any]] = []

    @contextmanager
    def stage(title: str) -> Iterator[Callable[[float, str], None]]:
        shown.append((title, None))
        yield lambda fraction, note: shown.append((title, (fraction, note)))

    play_run(HIDE, stage)
    zero = ("Zero-shot", "Zero-shot, validation")
    formatted = ("Format alone", "Format alone, answers", "Format alone, validation")
    before = (*zero, "Original", *formatted, "lora_sft, clean data", "Clean answers", "Clean data, validation")
    after = ("Audit", "Attack: lora_sft", "Answers", "Trainer's own check")
    assert shown == [
        *((title, event) for title in before for event in (None, (1.0, ""))),
        *(("Protect: hide", event) for event in (None, (0.5, "half"), (1.0, ""))),
        *((title, event) for title in after for event in (None, (1.0, ""))),
    ]
    shown.clear()
    play_run(HIDE, stage)
    assert [event for _, event in shown] == [None, (1.0, "reused")] * 14


def test_seeds_are_judged_together() -> None:
    def table(right: int) -> pd.DataFrame:
        return pd.DataFrame({"image_id": [f"p{i}" for i in range(40)], "score": 1.0 * (np.arange(40) < right)})

    judged = score_answers([(table(4), table(30), table(10)), (table(4), table(34), table(22))])
    assert judged.gain.value == pytest.approx(0.7)
    assert judged.protection
    assert judged.protection.value == pytest.approx(1 - 12 / 28)
