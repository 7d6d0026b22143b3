"""`bench smells`: the flags of every game of a home, for people and for programs."""

import json
from collections.abc import Callable

from bench.results.rows import Run, load
from bench.scoring.flag import Flag
from bench.scoring.matching import EVALUATOR

Finish = Callable[..., Run]


def played(finished: Finish) -> None:
    """Two games: in one a control is as good as the defense; in the other the trainer learns too little."""
    ends = {"protection": 0.45, "protection_low": 0.35, "protection_high": 0.55}
    finished(0)
    finished(0, id="a" * 16, defense="random_noise", defense_options={}, **ends)
    finished(0, id="b" * 16, epsilon=4, clean=5, eligible=False, protection=None, protection_low=None,
             protection_high=None)  # fmt: skip


def test_flags_are_told_by_game(cli: Callable, finished: Finish) -> None:
    played(finished)
    output = cli("smells")
    first, control, protects, second, weak = output.out.splitlines()
    assert output.code == 0
    assert first == (
        "dataset emoji_smoke · victim tiny-llava-a · threat white · surrogates  · epsilon 8 · words 5: 2 flags"
    )
    assert control == (
        "  control as good        mmguard (tau=0.1) protects +0.50 [+0.40, +0.60] under lora_sft, control random_noise "
        "+0.45 [+0.35, +0.55]: the intervals overlap."
    )
    assert protects.startswith("  control protects       Control random_noise protects +0.45 [+0.35, +0.55]")
    assert second.endswith("epsilon 4 · words 5: 1 flag")
    assert weak.startswith(
        "  under-trained          lora_sft gains 2.5 points from clean data, from 10.0% without their content to 12.5%"
    )


def test_flags_for_programs_name_their_game(cli: Callable, finished: Finish) -> None:
    played(finished)
    rows = json.loads(cli("smells", "--json").out)
    assert [(row["epsilon"], row["kind"], row["defense"], row["attack"]) for row in rows] == [
        (8, "control as good", "mmguard (tau=0.1)", "lora_sft"), (8, "control protects", "random_noise", "lora_sft"),
        (4, "under-trained", "", "lora_sft"),
    ]  # fmt: skip
    assert set(rows[0]) == {"dataset", "victim", "threat", "surrogates", "epsilon", "words", *Flag._fields}


def test_what_is_never_compared_raises_no_flag(cli: Callable, finished: Finish) -> None:
    finished(0)
    finished(0, id="a" * 16, defense="random_noise", evaluator=EVALUATOR - 1)
    finished(0, id="b" * 16, defense="wrong_answers", stealth={"answers": 24})
    finished(0, id="c" * 16, defense="random_noise", attack="format_only")
    assert [line.endswith(": 0 flags") for line in cli("smells").out.splitlines()] == [True]


def test_no_runs_are_no_lines_and_no_rows(cli: Callable) -> None:
    assert cli("smells") == (0, "", "")
    assert json.loads(cli("smells", "--json").out) == []


def test_the_results_stay_as_they_were(cli: Callable, finished: Finish) -> None:
    played(finished)
    before = [(run.id, run.protection, run.created) for run in load(quarantined=True)]
    cli("smells")
    assert [(run.id, run.protection, run.created) for run in load(quarantined=True)] == before
