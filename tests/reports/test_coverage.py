"""The table of what was played counts releases, attacks and seeds, and no run twice."""

import pandas as pd
import pytest

from bench.tables.knowledge import split_set
from reports import coverage

GAME = {
    "dataset": "tags",
    "victim": "tiny-llava-a",
    "threat": "white",
    "surrogates": "tiny-llava-a",
    "epsilon": 8,
    "words": 5,
}
SET = split_set()["K2"]


def play(label: str, attacks: tuple[str, ...], seeds: int = 1, **game: str) -> list[dict[str, object]]:
    """Return a row for each attack and seed on the release of one defense."""
    return [
        {**GAME, **game, "defense": label.split()[0], "defense_label": label, "attack_text": attack, "seed": seed}
        for attack in attacks
        for seed in range(seeds)
    ]


@pytest.fixture
def runs() -> pd.DataFrame:
    rows = [
        *play("none", ("lora_sft", "full_sft")),
        *play("em", SET),
        *play("em (rounds=7)", SET[:2], seeds=3),
        *play("hypo", (SET[0],)),
        *play("em", (SET[0],), dataset="scenes"),
    ]
    return pd.DataFrame(rows)


def test_a_release_is_one_configuration_and_clean_data_are_none(runs: pd.DataFrame) -> None:
    releases, whole, seeds, attacks = coverage.count(runs[runs["dataset"] == "tags"])
    assert (releases, whole, seeds, attacks) == (3, 1, 1, len(SET))


def test_a_set_that_is_whole_only_over_several_seeds_does_not_count(runs: pd.DataFrame) -> None:
    half = len(SET) // 2
    split = pd.DataFrame([*play("em", SET[:half]), *({**row, "seed": 1} for row in play("em", SET[half:]))])
    assert coverage.count(split)[1] == 0
    assert coverage.count(split.assign(seed=0))[1] == 1


def test_the_games_with_most_runs_come_first_and_all_runs_are_in_the_sum(runs: pd.DataFrame) -> None:
    head, _, first, second, total = [line.strip("| ").split(" | ") for line in coverage.tabulate(runs).splitlines()]
    assert tuple(head) == coverage.COLUMNS
    assert first[0] == "tags, tiny-llava-a, white box" and second[0] == "scenes, tiny-llava-a, white box"
    assert int(first[-1]) + int(second[-1]) == int(total[-1]) == len(runs)
