"""Cards and options of methods, for every one that is registered."""

import pytest

from attacks import REGISTRY as ATTACKS
from attacks.parts import PARTS, AttackCard
from bench.tables.methods import load_options, read_card
from defenses import REGISTRY as DEFENSES
from defenses.base import Card


@pytest.mark.parametrize("name", sorted(DEFENSES.catalog))
def test_every_defense_has_its_card_and_options(name: str) -> None:
    assert tuple(read_card(name)) == Card._fields
    assert load_options(name).keys() == DEFENSES.get(name).Options.model_fields.keys()


@pytest.mark.parametrize("name", sorted(PARTS.catalog))
def test_every_part_of_an_attack_has_its_card(name: str) -> None:
    assert tuple(read_card(name)) == AttackCard._fields
    assert load_options(name).keys() == PARTS.get(name).Options.model_fields.keys()


@pytest.mark.parametrize("name", ["nobody", "", "../x"])
def test_what_is_not_here_has_no_facts(name: str) -> None:
    assert (read_card(name), load_options(name)) == ({}, {})


def test_options_are_the_defaults() -> None:
    assert load_options("lora_sft")["rank"] == ATTACKS.get("lora_sft").Options().model_dump()["rank"]
