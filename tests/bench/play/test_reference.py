"""What a run is compared with: the same attack on clean data, and what knows nothing of the release's content."""

from typing import Any

import pytest

from attacks.grammar import parse_attack
from bench.play.roles import stages_of, validation_role
from bench.play.run import play_run
from bench.spec import Method, RunSpec

HIDE = Method(name="hide")
NONE = Method(name="none")


def test_a_stronger_attack_is_stronger_on_both_sides(game: Any) -> None:
    """`rinse` learns 8 of the 16 that are hidden; clean data give both attacks 32 of 40, of which 4 were known."""
    plain, rinsed = (play_run(RunSpec(defense=HIDE, attack=Method(name=name))) for name in ("lora_sft", "rinse"))
    assert plain.stages["clean"] != rinsed.stages["clean"]
    assert (plain.utility, rinsed.utility) == (0.4, 0.6)
    assert plain.protection == pytest.approx(1 - 12 / 28)
    assert rinsed.protection == pytest.approx(1 - 20 / 28)


@pytest.mark.parametrize("attack", ["lora_sft", "rinse"])
def test_no_defense_is_zero_by_construction(game: Any, attack: str) -> None:
    row = play_run(RunSpec(defense=NONE, attack=Method(name=attack)))
    assert game.computed.count(attack) == 1, "the clean side is the attack itself"
    assert (row.protection, row.protection_low, row.protection_high) == (0.0, 0.0, 0.0)
    assert (row.stages["evaluate"], row.validation) == (row.stages["clean"], row.validation_clean)


def test_what_the_format_alone_gains_is_no_value_of_the_release(game: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Format gives 12 of 40 here: the value of clean data is 20, and the release keeps 4 of it."""
    game.format = 12
    row = play_run(RunSpec(defense=HIDE, attack=Method(name="lora_sft")))
    assert row.baselines == {"zero": {"test": 0.1, "validation": 0.0}, "format": {"test": 0.3, "validation": 0.1}}
    assert row.utility_baseline == 0.3
    assert row.protection == pytest.approx(1 - 4 / 20)


def test_the_baseline_is_chosen_on_validation(game: Any) -> None:
    """Both know nothing of validation: zero-shot, the first, is taken, although format is better on the test split."""
    game.format = 10
    row = play_run(RunSpec(defense=HIDE, attack=Method(name="lora_sft")))
    assert row.baselines is not None
    assert row.baselines["format"]["test"] > row.utility_baseline == row.utility_zero


def test_a_trainer_with_clean_samples_is_compared_with_those_alone() -> None:
    stages = stages_of(
        RunSpec(defense=NONE, attack=Method(name="lora_sft+mix_clean", options={"mix_clean.share": 0.2}))
    )
    plain = stages_of(RunSpec(defense=NONE, attack=Method(name="lora_sft")))
    assert {"own_attack", "own", "own_validation"} == stages.keys() - plain.keys()
    assert stages["own_attack"].title.startswith("lora_sft+own_only on ")


@pytest.mark.parametrize(
    ("attack", "alone"),
    [
        (Method(name="full_sft+mix_clean+drop_inserted", options={"lr": 1e-3}), "full_sft(lr=0.001)+own_only"),
        (Method(name="two_stage", options={"share": 0.2}), "lora_sft+own_only(share=0.2)"),
    ],
)
def test_the_clean_samples_alone_are_trained_with_the_same_tuner(attack: Method, alone: str) -> None:
    stage = stages_of(RunSpec(defense=NONE, attack=attack))["own_attack"]
    assert stage.identity == stages_of(RunSpec(defense=NONE, attack=parse_attack(alone)))["attack"].identity


def test_what_trains_nothing_has_zero_shot_as_its_only_baseline(game: Any) -> None:
    row = play_run(RunSpec(defense=HIDE, attack=NONE))
    assert row.baselines is not None
    assert list(row.baselines) == ["zero"]
    assert not game.computed.count("format_only")


def test_every_model_is_asked_on_test_and_validation() -> None:
    stages = stages_of(RunSpec(defense=HIDE.model_copy(update={"name": "em"}), attack=Method(name="lora_sft")))
    for role in ("zero", "format", "clean", "evaluate"):
        test, validation = stages[role], stages[validation_role(role)]
        assert (test.title.split()[0].rstrip(","), validation.title.split()[0].rstrip(",")) == ("test", "validation")
        assert test.needs[1:] == validation.needs[1:], "one model"
