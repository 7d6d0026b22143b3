"""The expected cost of a stage follows from the finished stages that are most like it."""

from typing import Any

import pytest

from bench.engine.costs import UNKNOWN, Costs, StageCost
from bench.play.roles import stages_of
from bench.spec import Budget, Method, RunSpec
from bench.stages.stage import Stage
from tests.bench.toys import manifest

HIDE = RunSpec(defense=Method(name="hide"), attack=Method(name="lora_sft"))


def protect(**fields: Any) -> Stage:
    return stages_of(HIDE.model_copy(update=fields))["protect"]


def test_estimates_are_of_the_most_alike_on_the_same_data_and_models(game: Any) -> None:
    hide, blind = protect(), protect(defense=Method(name="hide", options={"hidden": 8}))
    finished = [(protect(seed=1), 10), (protect(seed=2), 20), (blind, 100), (protect(dataset="emoji_smoke"), 1)]
    costs = Costs([manifest(stage, seconds) for stage, seconds in finished])
    assert costs.estimate(hide).seconds == 15  # its own options, other seeds
    assert costs.estimate(protect(budget=Budget(epsilon=1))).seconds == 15
    more = protect(defense=Method(name="hide", options={"hidden": 4}))
    assert costs.estimate(more).seconds == pytest.approx(130 / 3)  # no such options: the method
    assert costs.estimate(protect(threat="black")) == UNKNOWN  # another model
    assert costs.estimate(stages_of(HIDE)["attack"]) == UNKNOWN  # another kind


def test_a_method_that_was_never_played_costs_what_others_do(game: Any) -> None:
    """Only on the same surrogates, of which it must have as many."""
    costs = Costs([manifest(protect(), 10), manifest(protect(threat="black"), 99)])
    alike = Stage("protect", "new", {**protect().payload, "defense": "new"}, print)
    assert costs.estimate(alike) == StageCost(10, 0, 0)


def test_a_cost_that_an_older_version_did_not_keep_is_not_known(game: Any) -> None:
    old = manifest(protect(), 10)
    del old["cost"]["disk_mb"]
    assert Costs([old]).estimate(protect()) == StageCost(10, 0, None)
