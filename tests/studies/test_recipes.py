"""The search of recipes: every value once, none over the cap, the best value stays, and validation data alone."""

from pathlib import Path

import pytest

from bench.spec import Method, RunSpec
from bench.stages import evaluate
from defenses import REGISTRY
from studies import recipes
from studies.recipes import CAP, GRIDS, Options, Trial, loop_options, search, within_cap


def test_a_search_keeps_the_best_value_and_tries_none_twice_or_over_the_cap() -> None:
    def play(options: Options) -> Trial:
        o = loop_options("em", options)
        return Trial(options, 1 - 0.01 * o.rounds - 0.001 * o.image_steps, 1.0)

    trials = list(search("em", {"rounds": (1, 3, 5), "image_steps": (8, 12, 16), "inner_steps": (5,)}, play))
    assert [t.options for t in trials] == [{}, {"rounds": 1}, {"rounds": 5}, {"rounds": 5, "image_steps": 12}]
    assert min(trials, key=lambda t: t.accuracy) == trials[-1]


def test_a_search_ends_where_nothing_is_left() -> None:
    trials = search("em", {"rounds": (1, 5, 7)}, lambda options: Trial(options, float(options == {}), 1.0))
    assert [t.options for t in trials] == [{}, {"rounds": 1}]


@pytest.mark.parametrize("name", sorted(GRIDS))
def test_grids_are_of_options_that_the_defense_has(name: str) -> None:
    for option, values in GRIDS[name].items():
        for value in values:
            REGISTRY.build(Method(name=name, options={option: value}))
    assert within_cap(name, {}) and (name == "tap" or CAP == 64)


def test_a_search_is_played_on_validation_data(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    splits, stage = [], evaluate.stage

    def watched(spec: RunSpec, adapter: object, split: str) -> object:
        splits.append(split)
        return stage(spec, adapter, split)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluate, "stage", watched)
    monkeypatch.setitem(GRIDS, "hypo", {"image_steps": (1,)})
    recipes.main("hypo", attack="lora_sft(epochs=1)", dataset="emoji_smoke")
    head, _, *lines = capsys.readouterr().out.strip().splitlines()
    assert head.startswith("| hypo | pixel steps | surrogate steps |")
    assert {line.split(" | ")[0] for line in lines} == {"| defaults", "| image_steps=1"}
    assert splits == ["validation"] * 2
