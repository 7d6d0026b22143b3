"""The study of `bench detect`: a model's own copy is fresh to none of its tests, and rates have exact intervals."""

import numpy as np

from attacks import REGISTRY
from attacks.grammar import parse_attack
from studies.detect import TRAINERS, interval, p_values


def test_the_copy_that_a_model_knows_is_found_and_is_no_fresh_copy_of_another() -> None:
    table = np.random.default_rng(0).normal(5, 1, (3, 6, 40))
    table[:, 2] -= 4
    assert list(p_values(table, [2])) == [6**-3]
    others = list(p_values(table, [0, 1, 3], 2))
    without = list(p_values(np.delete(table, 2, axis=1), [0, 1, 2]))
    assert others == without and min(others) > 5**-3


def test_a_rate_has_its_interval() -> None:
    assert interval(4, 4) == "4 of 4 | 100 % [40, 100]"
    assert interval(0, 20) == "0 of 20 | 0 % [0, 17]"


def test_every_trainer_of_the_study_is_an_attack_that_can_be_built() -> None:
    for text in TRAINERS.values():
        REGISTRY.build(parse_attack(text))
