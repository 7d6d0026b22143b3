"""Which defenses go on after seed 0, and against which attacks: by validation, and by the interval at seed 0."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.game.suite import Suite
from bench.results import Run
from bench.tables.game import split_games
from bench.tables.ranks import RANKED, required_attacks
from bench.tables.runs import tabulate_runs
from studies.next_seeds import LIMIT, make_suite
from tests.answer_files import Answers

ATTACKS = required_attacks()[RANKED]


@pytest.fixture
def play(bench_home: Path, run_factory: Callable[..., Run]) -> Callable[..., list[Run]]:
    """Make the runs of a defense at seed 0: attack number n leaves it `release + n / 100`."""
    answers, numbers = Answers(bench_home), iter(range(1000))

    def make(defense: str, release: float, attacks: tuple[str, ...] = ATTACKS, **rest: Any) -> list[Run]:
        from attacks.grammar import parse_attack

        methods = map(parse_attack, attacks)
        return [
            run_factory(
                next(numbers), attack=method.name, attack_options=method.options, defense=defense, seed=0,
                **answers.columns(release=release + number / 100, clean=0.9), **rest,
            )
            for number, method in enumerate(methods)
        ]  # fmt: skip

    return make


def test_controls_go_on_and_defenses_that_may_still_protect(play: Callable[..., list[Run]]) -> None:
    runs = [*play("none", 0.79), *play("random_noise", 0.79), *play("em", 0.3), *play("hypo", 0.795)]
    games = split_games(tabulate_runs(runs))
    suite = Suite.model_validate(make_suite(games, [1, 2]))
    played = suite.runs()
    assert {run.defense.name for run in played} == {"none", "random_noise", "em"}, f"hypo is surely below {LIMIT}"
    assert {run.seed for run in played} == {1, 2}
    expected = {ATTACKS[0], *ATTACKS[-4:]}
    from attacks.grammar import format_attack

    for defense in ("none", "em"):
        assert {format_attack(run.attack) for run in played if run.defense.name == defense} == expected


def test_nothing_is_chosen_before_the_whole_set_was_met(play: Callable[..., list[Run]]) -> None:
    games = split_games(tabulate_runs(play("em", 0.3, ATTACKS[:-1])))
    with pytest.raises(ValueError, match="em has not met the whole set"):
        make_suite(games, [1, 2])
