"""A level of knowledge is complete or absent, protection falls with knowledge, and sentences say the same numbers."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from attacks.grammar import parse_attack
from bench.results import Run
from bench.tables.knowledge import (
    TITLES,
    Entry,
    answer_game,
    describe_game,
    score_entry,
    score_game,
    split_set,
    tabulate_points,
)
from bench.tables.runs import tabulate_runs
from tests.answer_files import Answers

LEVELS = split_set()
Play = Callable[..., list[Run]]


@pytest.fixture
def play(bench_home: Path, run_factory: Callable[..., Run]) -> Play:
    """Make one run for each attack and seed; clean data give 0.9 and the baseline 0.1."""
    answers, numbers = Answers(bench_home), iter(range(10_000))

    def make(defense: str, releases: dict[str, float], seeds: tuple[int, ...] = (0, 1, 2)) -> list[Run]:
        return [
            run_factory(
                next(numbers), defense=defense, attack=method.name, attack_options=method.options, seed=seed,
                **answers.columns(release=release, clean=0.9, zero=0.1),
            )
            for text, release in releases.items()
            for method in [parse_attack(text)]
            for seed in seeds
        ]  # fmt: skip

    return make


@pytest.fixture
def entries(play: Play) -> list[Entry]:
    """MMGuard and hypo met all up to K2, random noise all up to K1, em two attacks, uc one."""
    releases = dict.fromkeys(LEVELS["K2"], 0.1) | {"lora_sft": 0.2, "full_sft+crop_color": 0.5, "full_sft+jpeg": 0.7}
    noise = dict.fromkeys(LEVELS["K1"], 0.9)
    runs = [
        *play("mmguard", releases),
        *play("hypo", dict.fromkeys(LEVELS["K2"], 0.7)),
        *play("random_noise", noise),
        *play("em", {"lora_sft": 0.3, "full_sft+crop_color+drop_inserted": 0.8}, seeds=(0,)),
        *play("uc", {"lora_sft": 0.1}),
    ]
    return score_game(tabulate_runs(runs))


def test_the_answer_is_three_sentences_of_the_whole_one(entries: list[Entry]) -> None:
    least, most, rival = answer_game(entries)
    whole = describe_game(entries)
    assert least == whole[0] and f"who {TITLES['plain']}," in least
    assert most in whole and f"who {TITLES['K2']}," in most
    assert rival.startswith(f"From a trainer who {TITLES['K2']}, the best other method takes +0.25 [")
    assert rival.endswith("(`hypo`, 3 seeds).")
    assert answer_game(entries, "nobody") == [rival]
    assert answer_game([]) == []


def test_the_answer_of_a_game_that_met_some_attacks_is_not_the_plain_one_alone(play: Play) -> None:
    """The number of default LoRA is the largest: alone, it would be read as the answer."""
    met = ["full_sft+crop_color+drop_inserted", "full_sft+jpeg+drop_inserted"]
    rows = [*play("none", dict.fromkeys(["lora_sft", *met], 0.9))]
    for defense, plain, adaptive in (("mmguard", 0.2, 0.8), ("em", 0.3, 0.7)):
        rows += play(defense, {"lora_sft": plain, **dict.fromkeys(met, adaptive)})
    plain, most, others = answer_game(score_game(tabulate_runs(rows)))
    assert f"who {TITLES['plain']}," in plain
    assert most.startswith("Against only some of the adaptive attacks") and "`mmguard` +0.12" in most
    assert others.startswith("Other methods and recipes that met only some") and "`em` +0.25" in others


def test_a_level_has_what_its_trainer_knows() -> None:
    assert list(LEVELS) == list(TITLES)
    assert LEVELS["K0"] == ("lora_sft", "full_sft", "full_sft+crop_color")
    for less, more in pairwise(LEVELS):
        assert set(LEVELS[less]) < set(LEVELS[more])


def test_protection_falls_with_what_the_trainer_knows(entries: list[Entry]) -> None:
    values = {entry.defense: {level: entry.protection(level) for level in LEVELS} for entry in entries}
    rounded = {level: estimate and round(estimate.value, 2) for level, estimate in values["mmguard"].items()}
    assert rounded == {"plain": 0.88, "K0": 0.5, "K1": 0.25, "K2": 0.25, "K3": None, "K4": None}
    assert values["random_noise"]["K1"] == (0, 0, 0) and values["random_noise"]["K2"] is None
    assert set(next(entry for entry in entries if entry.defense == "em").levels) == {"plain"}


def test_points_are_the_defined_scores(entries: list[Entry]) -> None:
    points = tabulate_points(entries)
    assert len(points) == sum(entry.protection(level) is not None for entry in entries for level in LEVELS)
    for _, point in points.iterrows():
        (level,) = [level for level, title in TITLES.items() if title == point["trainer"]]
        (entry,) = [entry for entry in entries if entry.defense == point["defense"]]
        assert entry.protection(level) == (point["value"], point["low"], point["high"])


def test_sentences_have_the_numbers_of_the_scores(entries: list[Entry]) -> None:
    *own, rival, partly, controls = describe_game(entries)
    (guarded,) = [entry for entry in entries if entry.defense == "mmguard"]
    for level, sentence in zip(("plain", "K0", "K1", "K2"), own, strict=True):
        estimate = guarded.protection(level)
        assert estimate is not None
        number = f"{estimate.value:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}]"
        assert f"{TITLES[level]}, `mmguard` takes {number} of what" in sentence
        assert f"(3 seeds; best attack: `{guarded.attack(level)}`)" in sentence
    assert rival.startswith("Other methods against the whole adaptive set: `hypo` +0.25 [") and "`em`" not in rival
    assert partly.startswith(
        "Other methods and recipes that met only some of the adaptive attacks, against the best of those: `em` +0.12 ["
    )
    assert partly.endswith("1 seed.") and "`uc`" not in partly
    assert "`random_noise` +0.00 [+0.00, +0.00], 3 seeds" in controls


def test_a_method_that_met_a_part_of_the_set_is_not_described_by_the_plain_attack_alone(entries: list[Entry]) -> None:
    plain, partly = describe_game([entry for entry in entries if entry.defense == "em"], "em")
    assert plain.startswith(f"From a trainer who {TITLES['plain']}, `em` takes +0.75 [")
    assert partly.startswith(
        "Against only some of the adaptive attacks, of which the trainer takes the best: `em` +0.12 ["
    )


def test_of_many_methods_that_met_a_part_the_three_that_kept_most_are_named(play: Play) -> None:
    met = ["lora_sft", "full_sft+crop_color+drop_inserted"]
    rows = [*play("none", dict.fromkeys(met, 0.9), seeds=(0,))]
    for defense, accuracy in {"em": 0.8, "hypo": 0.5, "uc": 0.7, "tap": 0.6}.items():
        rows += play(defense, {"lora_sft": 0.3, met[1]: accuracy}, seeds=(0,))
    (partly,) = describe_game(score_game(tabulate_runs(rows)))
    title, _, listed = partly.partition(": ")
    assert title.startswith("Other methods and recipes that met only some of the adaptive attacks (4), the 3 highest, ")
    assert [name.split("`")[1] for name in listed.split("; ")] == ["hypo", "tap", "uc"]
    (few,) = describe_game(score_game(tabulate_runs([row for row in rows if row.defense != "em"])))
    assert "highest" not in few and few.count("`") == 6


def test_one_defense_alone_has_the_scores_that_it_has_among_all(play: Play) -> None:
    rows = [*play("none", {"lora_sft": 0.7, "full_sft": 0.9}), *play("em", {"lora_sft": 0.5, "full_sft": 0.6})]
    runs = tabulate_runs([*rows, *play("uc", {"full_sft": 0.4})])
    (em,) = [entry for entry in score_game(runs) if entry.defense == "em"]
    assert score_entry(runs, "em") == em and em.levels and em.so_far
    assert not score_entry(runs, "uc").levels and not score_entry(runs, "nobody").levels


def test_nothing_is_said_of_what_was_not_played(entries: list[Entry]) -> None:
    assert describe_game([]) == []
    assert len(describe_game([entry for entry in entries if entry.is_control])) == 1
    assert score_game(tabulate_runs([])) == []
