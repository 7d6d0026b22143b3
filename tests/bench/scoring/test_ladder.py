"""The trainer's ladder of attacks: order, costs, and who is the best so far, chosen on validation alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.ladder import PLAIN, AttackResult, climb

share = st.floats(0, 1)
others = st.builds(
    AttackResult, st.sampled_from(["full_sft", "iss", "bridge"]), st.floats(1, 500), share, share, st.none()
)  # fmt: skip


def result(name: str, seconds: float, validation: float, gain: float = 0.1) -> AttackResult:
    return AttackResult(name, seconds, validation, gain, None)


def test_the_ladder_climbs_by_cost_and_keeps_the_best_on_validation() -> None:
    steps = climb([
        result("bridge", 90, 0.8, gain=0.3), result("iss", 45, 0.4, gain=0.9), result(PLAIN, 30, 0.5, gain=0.4),
    ])  # fmt: skip
    assert [step.latest.attack for step in steps] == [PLAIN, "iss", "bridge"]
    assert [step.cost for step in steps] == [1, 1.5, 3]
    assert [step.total for step in steps] == [1, 2.5, 5.5]
    assert [step.best.attack for step in steps] == [PLAIN, PLAIN, "bridge"], "the gain on test is not looked at"


def test_the_plain_attack_is_first_even_where_another_was_faster() -> None:
    steps = climb([result("full_sft", 20, 0.5), result(PLAIN, 40, 0.5)])
    assert [step.latest.attack for step in steps] == [PLAIN, "full_sft"]
    assert steps[1].cost == 0.5
    assert steps[1].best.attack == PLAIN, "a tie goes to what was tried before"


def test_without_the_plain_attack_there_is_no_unit() -> None:
    with pytest.raises(StopIteration):
        climb([result("full_sft", 20, 0.5)])


@given(st.lists(others, max_size=6), share)
def test_the_best_never_gets_worse_and_no_attack_is_lost(attacks: list[AttackResult], validation: float) -> None:
    plain = result(PLAIN, 10, validation)
    steps = climb([*attacks, plain])
    assert sorted(step.latest for step in steps) == sorted([*attacks, plain])
    best = [step.best.validation for step in steps]
    assert best == sorted(best)
    assert best[-1] == max(each.validation for each in [*attacks, plain])
    assert steps[-1].total == pytest.approx(sum(step.cost for step in steps))


def test_a_step_is_plain_json() -> None:
    (step,) = climb([result(PLAIN, 30, 0.5)])
    assert step.to_json()["best"] == step.to_json()["tried"] == {
        "attack": PLAIN, "seconds": 30, "validation": 0.5, "gain": 0.1, "protection": None,
    }  # fmt: skip
