"""The tables and the figure of the headline: a level is complete or absent, and its numbers are the scores."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from attacks.grammar import parse_attack
from bench.results import Run
from bench.tables.runs import tabulate_runs
from reports import headline, markdown
from tests.answer_files import Answers

LEVELS = headline.split_set()


@pytest.fixture
def play(bench_home: Path, run_factory: Callable[..., Run]) -> Callable[..., list[Run]]:
    """Make one run for each attack; clean data give 0.9 and the baseline 0.1."""
    answers, numbers = Answers(bench_home), iter(range(1000))

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


def test_a_level_has_what_its_trainer_knows() -> None:
    assert list(LEVELS) == list(headline.TITLES)
    assert LEVELS["K0"] == ("lora_sft", "full_sft", "full_sft+crop_color")
    for less, more in pairwise(LEVELS):
        assert set(LEVELS[less]) < set(LEVELS[more])


def test_protection_falls_with_what_the_trainer_knows(play: Callable[..., list[Run]]) -> None:
    releases = dict.fromkeys(LEVELS["K2"], 0.1) | {"lora_sft": 0.2, "full_sft+crop_color": 0.5, "full_sft+jpeg": 0.7}
    runs = tabulate_runs([*play("mmguard", releases), *play("random_noise", dict.fromkeys(LEVELS["K1"], 0.9))])
    guarded, noise = headline.score_game(runs)
    values = {level: guarded.protection(level) for level in LEVELS}
    assert {level: estimate and round(estimate.value, 2) for level, estimate in values.items()} == {
        "plain": 0.88, "K0": 0.5, "K1": 0.25, "K2": 0.25, "K3": None, "K4": None,
    }  # fmt: skip
    assert noise.protection("K1") == (0, 0, 0) and noise.protection("K2") is None
    head, _, first, second = headline.tabulate_game([guarded, noise]).splitlines()
    assert head.split(" | ")[1:-2] == [headline.TITLES[level] for level in ("plain", "K0", "K1", "K2")]
    assert first.startswith("| `mmguard` | +0.88 [") and first.endswith("| 3 | `full_sft+jpeg` |")
    assert second.startswith("| `random_noise` (control) | +0.00 [+0.00, +0.00] |") and " |  | 3 |" in second


def test_the_figure_is_drawn_and_holds_every_defense(play: Callable[..., list[Run]], tmp_path: Path) -> None:
    runs = tabulate_runs([*play("mmguard", dict.fromkeys(LEVELS["K1"], 0.5)), *play("em", {"lora_sft": 0.4})])
    headline.draw({"a game": headline.score_game(runs)}).save(tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg") and "mmguard" in text and "a game" in text and headline.TITLES["K1"] in text


def test_a_page_keeps_what_is_outside_its_tables() -> None:
    page = "before\n<!-- table: one -->\nold\n<!-- end -->\nafter\n"
    filled = markdown.fill(page, {"one": lambda: "new"})
    assert filled == "before\n<!-- table: one -->\n\nnew\n\n<!-- end -->\nafter\n"
    assert markdown.fill(filled, {"one": lambda: "new"}) == filled
    with pytest.raises(KeyError):
        markdown.fill(page, {})
