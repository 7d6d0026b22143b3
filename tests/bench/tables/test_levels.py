"""A set of attacks: the best on validation on both sides, seed by seed, and what is missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.results import Run
from bench.tables.levels import find_clean_sides, further_attacks, score_level
from bench.tables.runs import tabulate_runs
from tests.answer_files import Answers

JPEG = "lora_sft+jpeg"
SET = ("lora_sft", "full_sft", JPEG)


@pytest.fixture
def answers(bench_home: Path) -> Answers:
    return Answers(bench_home)


@pytest.fixture
def play(answers: Answers, run_factory: Callable[..., Run]) -> Callable[..., Run]:
    """Makes a run of an attack whose release, clean data and baseline give so much."""
    numbers = iter(range(1000))

    def make(attack: str = "lora_sft", *, seed: int = 0, defense: str = "em", **rates: Any) -> Run:
        rest = {
            name: rates.pop(name) for name in ("eligible", "stealth", "protocol", "attack_options") if name in rates
        }
        return run_factory(next(numbers), attack=attack, seed=seed, defense=defense, **answers.columns(**rates), **rest)

    return make


def protection(*runs: Run, attacks: tuple[str, ...] = SET) -> float:
    level = score_level(tabulate_runs(runs), attacks)
    assert level is not None
    assert level.score is not None
    assert level.score.protection is not None
    return level.score.protection.value


def test_one_attack_is_a_set_of_one(play: Callable[..., Run]) -> None:
    assert protection(play(release=0.2), attacks=("lora_sft",)) == pytest.approx(1 - 0.2 / 0.8)


def test_the_best_attack_stands_on_both_sides(play: Callable[..., Run]) -> None:
    """The stronger recipe has 0.9 from clean data, so a release that gives it 0.45 is worth half."""
    runs = play(release=0.1, clean=0.6), play("full_sft", release=0.45, clean=0.9)
    assert protection(*runs) == pytest.approx(0.5)


def test_the_two_sides_may_have_different_best_attacks(play: Callable[..., Run]) -> None:
    runs = play(release=0.2, clean=0.8), play(JPEG, release=0.4, clean=0.5)
    level = score_level(tabulate_runs(runs), SET)
    assert level is not None
    assert level.attacks == {0: JPEG}
    assert protection(*runs) == pytest.approx(1 - 0.4 / 0.8)


def test_attacks_are_chosen_on_validation_not_on_test(play: Callable[..., Run]) -> None:
    runs = play(release=0.2, validation=0.5), play(JPEG, release=0.7, validation=0.4)
    assert protection(*runs) == pytest.approx(1 - 0.2 / 0.8)
    clean = play(release=0.2, clean=0.8, validation_clean=0.1), play(JPEG, release=0.1, clean=0.4, validation_clean=0.2)
    assert protection(*clean) == pytest.approx(1 - 0.2 / 0.4)


def test_of_equal_attacks_the_first_of_the_set_is_chosen(play: Callable[..., Run]) -> None:
    level = score_level(tabulate_runs([play(JPEG, release=0.3), play(release=0.3)]), SET)
    assert level is not None
    assert level.attacks == {0: "lora_sft"}


def test_every_seed_chooses_for_itself(play: Callable[..., Run]) -> None:
    runs = [
        play(release=0.4, seed=0), play(JPEG, release=0.2, seed=0),
        play(release=0.1, seed=1), play(JPEG, release=0.6, seed=1),
    ]  # fmt: skip
    level = score_level(tabulate_runs(runs), SET)
    assert level is not None
    assert level.attacks == {0: "lora_sft", 1: JPEG}
    assert protection(*runs) == pytest.approx(1 - (0.4 + 0.6) / 2 / 0.8)


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_no_defense_is_zero_by_construction(play: Callable[..., Run], seeds: tuple[int, ...]) -> None:
    """Clean data on both sides: the same answers, whichever attack is chosen."""
    runs = []
    for seed in seeds:
        for attack, rate in (("lora_sft", 0.7), ("full_sft", 0.9 - 0.3 * seed)):
            run = play(attack, defense="none", seed=seed, release=rate, clean=rate)
            run.stages = run.stages | {"evaluate": run.stages["clean"]}
            runs.append(run)
    level = score_level(tabulate_runs(runs), SET)
    assert level is not None
    assert level.score is not None
    assert level.score.protection == (0, 0, 0)


def test_an_attack_that_ruins_clean_data_changes_nothing(play: Callable[..., Run]) -> None:
    """It is best on neither side; but what it gets from a release still counts."""
    runs = play(release=0.2), play("full_sft", release=0.02, clean=0.03, eligible=False)
    assert protection(*runs) == protection(runs[0])
    strong = play(JPEG, release=0.6, clean=0.03, eligible=False)
    assert protection(*runs, strong) == pytest.approx(1 - 0.6 / 0.8)


def test_the_best_baseline_of_all_attacks_is_taken_off(play: Callable[..., Run], answers: Answers) -> None:
    """A trainer with clean samples of their own reaches 0.5 without the release."""
    run = play(release=0.6)
    run.stages = run.stages | {"own": answers.write(0.5)}
    run.baselines = {**(run.baselines or {}), "own": {"test": 0.5, "validation": 0.45}}
    assert protection(run) == pytest.approx(1 - 0.1 / 0.3)
    assert protection(run, play(JPEG, release=0.1, clean=0.1)) == pytest.approx(1 - 0.1 / 0.3)


def test_what_was_not_met_is_named_and_a_seed_with_too_little_does_not_count(play: Callable[..., Run]) -> None:
    runs = [play(release=0.2, seed=0), play("full_sft", release=0.3, seed=0), play(release=0.7, seed=1)]
    level = score_level(tabulate_runs(runs), SET)
    assert level is not None
    assert level.missing == (JPEG,)
    assert level.attacks == {0: "full_sft"}


MANY = ("lora_sft", "a", "b", "c", "d", "e", "f")
GAINS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.15)


def test_a_further_seed_counts_with_the_plain_attack_and_the_four_best_of_the_fullest(play: Callable[..., Run]) -> None:
    """Its shortlist is lora_sft, b, c, d and e; `a` and `f` need not be met again."""
    full = [play(attack, release=rate, seed=0) for attack, rate in zip(MANY, GAINS, strict=True)]
    short = [play(attack, release=0.3, seed=1) for attack in ("lora_sft", "b", "c", "d", "e")]
    level = score_level(tabulate_runs([*full, *short]), MANY)
    assert level is not None
    assert level.attacks == {0: "e", 1: "lora_sft"} and level.missing == ()
    for absent in range(len(short)):
        fewer = [run for number, run in enumerate(short) if number != absent]
        level = score_level(tabulate_runs([*full, *fewer]), MANY)
        assert level is not None
        assert level.attacks == {0: "e"}


OWN = {"a": 0.3, "f": 0.45}
"""Attacks with clean samples, and what those alone give on validation."""


@pytest.mark.parametrize(("further", "seeds"), [("", {0}), ("a", {0}), ("f", {0, 1}), ("af", {0, 1})])
def test_a_further_seed_counts_if_the_same_clean_samples_are_taken_off(
    further: str, seeds: set[int], play: Callable[..., Run], answers: Answers
) -> None:
    def meet(attack: str, rate: float, seed: int) -> Run:
        run = play(attack, release=rate, seed=seed)
        if attack in OWN:
            run.stages = run.stages | {"own": answers.write(0.5)}
            run.baselines = {**(run.baselines or {}), "own": {"test": 0.5, "validation": OWN[attack]}}
        return run

    full = [meet(attack, rate, 0) for attack, rate in zip(MANY, GAINS, strict=True)]
    short = [meet(attack, 0.3, 1) for attack in ("lora_sft", "b", "c", "d", "e", *further)]
    level = score_level(tabulate_runs([*full, *short]), MANY)
    assert level is not None and set(level.attacks) == seeds


def test_clean_data_has_the_best_recipe_that_any_defense_of_the_game_met(play: Callable[..., Run]) -> None:
    ours = play(release=0.4, clean=0.5)
    others = [play("full_sft", defense="none", release=0.8, clean=0.8), play(JPEG, seed=1, defense="none", release=0.9)]
    game = tabulate_runs([ours, *others])
    level = score_level(game[game["defense"] == "em"], SET, find_clean_sides(game, SET))
    assert level is not None
    assert level.score is not None
    assert level.score.protection is not None
    assert level.score.protection.value == pytest.approx(1 - 0.4 / 0.8), "the other seed has no release to compare with"


def test_attacks_outside_the_set_and_stale_rows_do_not_count(play: Callable[..., Run]) -> None:
    frame = tabulate_runs([
        play(release=0.2), play("vision_lora", release=0.7), play("full_sft", release=0.7, protocol=1),
        play("full_sft", release=0.7, stealth={"answers": 3}),
        play("full_sft", release=0.7, attack_options={"lr": 0.1}),
    ])  # fmt: skip
    level = score_level(frame, SET)
    assert level is not None
    assert level.attacks == {0: "lora_sft"}
    assert score_level(frame, ("adversarial",)) is None


def test_options_are_part_of_an_attack(play: Callable[..., Run]) -> None:
    run = play(JPEG, release=0.2, attack_options={"jpeg.quality": 50})
    assert score_level(tabulate_runs([run]), ["lora_sft+jpeg(quality=50)"]) is not None
    assert score_level(tabulate_runs([run]), [JPEG]) is None


def test_without_answers_there_is_no_score(run_factory: Callable[..., Run], bench_home: Path) -> None:
    elsewhere = run_factory(0, stages=dict.fromkeys(("zero", "clean", "evaluate"), "f" * 16))
    level = score_level(tabulate_runs([elsewhere]), ("lora_sft",))
    assert level is not None
    assert level.score is None


@pytest.mark.parametrize(
    "broken",
    [{"baselines": None}, {"baselines": {}}, {"baselines": {"zero": 3}}, {"stages": {}}, {"validation_clean": None}],
)
def test_rows_that_say_too_little_do_not_count(
    run_factory: Callable[..., Run], bench_home: Path, broken: dict[str, Any]
) -> None:
    frame = tabulate_runs([run_factory(0, **broken)])
    assert isinstance(frame, pd.DataFrame)
    assert score_level(frame, ("lora_sft",)) is None


ENTRY = "full_sft+jpeg(quality=30)"
"""An attack outside the set."""


def broken(*runs: Run, seeds: int = 1) -> float:
    """The protection where the attack outside the set may count. Each seed has met the whole set."""
    level = score_level(tabulate_runs(runs), SET, further=[ENTRY])
    assert level is not None and level.missing == () and len(level.attacks) == seeds
    assert level.score is not None and level.score.protection is not None
    return level.score.protection.value


@pytest.fixture
def whole(play: Callable[..., Run]) -> list[Run]:
    """A defense that has met the set: 0.2 of 0.8 are left."""
    return [play(release=0.2), play("full_sft", release=0.1), play(JPEG, release=0.1)]


def enter(play: Callable[..., Run], **rates: Any) -> Run:
    return play("full_sft+jpeg", attack_options={"jpeg.quality": 30}, **rates)


def test_an_attack_that_breaks_a_defense_counts_with_its_own_clean_side(
    play: Callable[..., Run], whole: list[Run]
) -> None:
    assert broken(*whole) == protection(*whole) == pytest.approx(1 - 0.2 / 0.8)
    assert broken(*whole, enter(play, release=0.6, clean=0.7)) == pytest.approx(1 - 0.6 / 0.8)
    assert broken(*whole, enter(play, release=0.6, clean=0.9)) == pytest.approx(1 - 0.6 / 0.9)
    assert protection(*whole, enter(play, release=0.6, clean=0.9)) == protection(*whole), "it is not in the set"


@pytest.mark.parametrize(
    "rates",
    [
        {"release": 0.0, "clean": 0.0},
        {"release": 0.1, "clean": 0.99},
        {"release": 0.22, "clean": 0.99},
        {"release": 0.2, "clean": 0.8},
        {"release": 0.7, "clean": 0.8, "validation": 0.1},
        {"release": 0.6, "clean": 0.03, "eligible": False, "validation": 0.1},
        {"release": 0.7, "stealth": {"answers": 3}},
        {"release": 0.7, "protocol": 1},
        {"release": 0.7, "seed": 1},
    ],
)
def test_an_attack_that_breaks_nothing_on_validation_changes_nothing(
    play: Callable[..., Run], whole: list[Run], rates: dict[str, Any]
) -> None:
    assert broken(*whole, enter(play, **rates)) == broken(*whole)


def test_a_further_attack_counts_for_the_seeds_and_the_defense_that_it_was_played_with(
    play: Callable[..., Run], whole: list[Run]
) -> None:
    second = [play(release=0.2, seed=1), play("full_sft", release=0.1, seed=1), play(JPEG, release=0.1, seed=1)]
    entry = enter(play, release=0.6)
    assert broken(*whole, *second, entry, seeds=2) == pytest.approx(1 - (0.2 + 0.6) / 2 / 0.8)
    other = enter(play, release=0.6, clean=0.99, defense="hypo")
    game = tabulate_runs([*whole, other])
    level = score_level(game[game["defense"] == "em"], SET, find_clean_sides(game, SET), [ENTRY])
    assert level is not None and level.score is not None and level.score.protection is not None
    assert level.score.protection.value == protection(*whole)


def test_where_there_is_nothing_to_protect_a_further_attack_makes_no_gain(play: Callable[..., Run]) -> None:
    runs = [play(attack, release=0.0, clean=0.0) for attack in ("lora_sft", "full_sft")] + [
        play(JPEG, release=0.0, clean=0.0)
    ]
    level = score_level(tabulate_runs([*runs, enter(play, release=0.1, clean=0.9)]), SET, further=[ENTRY])
    assert level is not None and level.attacks == {0: "lora_sft"}


def test_further_attacks_are_those_of_the_same_knowledge(play: Callable[..., Run]) -> None:
    names = ("lora_sft", "full_sft+gray", "lora_sft+drop_inserted", "lora_sft+bridge", "format_only", "none", "nothing")
    runs = tabulate_runs([play(name, release=0.2) for name in names])
    assert further_attacks(runs, SET, "K2") == ("full_sft+gray", "lora_sft+drop_inserted")
    assert further_attacks(runs, SET, "K1") == ("full_sft+gray",)
    assert "lora_sft+bridge" in further_attacks(runs, SET, "K3")
    assert further_attacks(runs, SET, "") == ()
