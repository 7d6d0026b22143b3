"""A crafting that was stopped goes on where it was, and makes the release that it would have made without a stop."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.base import Protected
from defenses.craft.turns import keep_turns

METHODS = ("em", "em_class", "mem", "mmguard")
"""Methods with noise for each picture, noise for each answer, other answers, and words."""

FEW = {"rounds": 2, "image_steps": 1, "inner_steps": 1, "inner_rank": 2, "batch": 2, "candidates": 2, "text_rounds": 1}


class Stop(Exception):
    """The end of a crafting in the middle of its work."""


@pytest.fixture
def craft(few: SampleSet, llava: LVLM) -> Callable[..., Protected]:
    """Craft a release in batches of two samples; `stop`: raise once this share of the work is done."""

    def craft(name: str, stop: float = 2.0) -> Protected:
        own = REGISTRY.get(name).Options.model_fields
        options = {key: value for key, value in FEW.items() if key in own}
        if name == "text_trigger":
            options["image_steps"] = 0

        def watch(fraction: float, note: str) -> None:
            if fraction >= stop:
                raise Stop

        defense = REGISTRY.build(Method(name=name, options=options))
        return defense.protect(few, [llava], Budget(), np.random.default_rng(0), watch)

    return craft


@pytest.mark.parametrize("name", METHODS)
def test_a_stopped_crafting_goes_on_to_the_same_release(
    name: str, craft: Callable[..., Protected], tmp_path: Path
) -> None:
    whole = craft(name)
    with keep_turns(tmp_path):
        with pytest.raises(Stop):
            craft(name, stop=0.7)
        kept = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
        rest = craft(name)
    assert kept and all(file.stat().st_mtime_ns == time for file, time in kept.items()), "a turn was taken twice"
    assert len(list(tmp_path.iterdir())) > len(kept)
    assert rest.samples.digest == whole.samples.digest
    assert json.dumps(rest.log) == json.dumps(whole.log)


def test_nothing_is_kept_where_nobody_asked(craft: Callable[..., Protected], tmp_path: Path) -> None:
    with keep_turns(tmp_path / "asked"):
        craft("em")
    before = sorted(tmp_path.rglob("*"))
    craft("em")
    assert sorted(tmp_path.rglob("*")) == before
