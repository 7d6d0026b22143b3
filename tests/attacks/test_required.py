"""The required set can be played, grows from level to level, and its hash is of the attacks alone."""

from itertools import pairwise

import pytest

from attacks import REGISTRY
from attacks.grammar import format_attack, parse_attack
from attacks.required import RequiredSet, expand_set, find_variants, load_required
from defenses import REGISTRY as DEFENSES

LEVELS = ("plain", "adaptive", "queries", "clean")


@pytest.fixture
def document() -> dict[str, list[dict[str, str]]]:
    """Return a small set as YAML gives it."""
    texts = ("lora_sft", "lora_sft+jpeg(quality=30)", "lora_sft+bridge", "lora_sft+mix_clean")
    pairs = zip(LEVELS, texts, strict=True)
    return {level: [{"attack": text, "why": "an example", "control": "em"}] for level, text in pairs}


def test_a_level_has_the_attacks_of_the_levels_before_it() -> None:
    levels = load_required().levels
    assert tuple(levels) == LEVELS
    for less, more in pairwise(LEVELS):
        assert levels[more][: len(levels[less])] == levels[less] and len(levels[more]) > len(levels[less])


def test_every_member_can_be_built_and_is_there_once() -> None:
    everything = load_required().levels["clean"]
    assert len({format_attack(method) for method in everything}) == len(everything)
    assert all(REGISTRY.build(method).trains for method in everything)


def test_every_control_is_a_defense() -> None:
    for member in load_required().members["clean"]:
        DEFENSES.check(member.control)


def test_a_member_is_written_in_the_one_form_that_names_its_runs() -> None:
    """So the file can be compared with rows as text: options in their order, without defaults."""
    for member in load_required().members["clean"]:
        assert format_attack(REGISTRY.normalise(parse_attack(member.attack))) == member.attack


def test_the_hash_is_of_the_attacks_alone(document: dict[str, list[dict[str, str]]]) -> None:
    def hash_with(**changes: str) -> str:
        return RequiredSet.model_validate(document | {"adaptive": [document["adaptive"][0] | changes]}).hash

    assert hash_with() == hash_with(why="another reason", control="uc")
    assert hash_with() != hash_with(attack="lora_sft+jpeg(quality=31)")


@pytest.mark.parametrize(("level", "most"), [("plain", "K0"), ("adaptive", "K2"), ("queries", "K3"), ("clean", "K4")])
def test_nobody_needs_to_know_more_than_the_level_says(level: str, most: str) -> None:
    attacks = load_required().levels[level]
    assert max(REGISTRY.describe(attack).traits.knowledge for attack in attacks) == most


@pytest.mark.parametrize(("name", "level"), [("best", "adaptive"), ("required", "clean")])
def test_a_set_can_be_asked_for_by_name(name: str, level: str) -> None:
    assert list(map(parse_attack, expand_set(name))) == list(load_required().levels[level])
    assert expand_set("lora_sft+jpeg") == ("lora_sft+jpeg",)


@pytest.mark.parametrize(
    ("attack", "variants"),
    [
        ("tuned+drop_inserted", ["tuned(trials=4)+drop_inserted"]),
        ("lora_sft+mix_clean", ["lora_sft+mix_clean(share=0.2)"]),
        ("full_sft(tower=true)+crop_color", ["full_sft+crop_color"]),
        ("full_sft+jpeg(quality=30)", []),
        ("full_sft+mix_clean(share=0.05)", []),
        ("lora_sft+blur", []),
    ],
)
def test_an_attack_that_differs_by_options_alone_has_variants_in_the_set(attack: str, variants: list[str]) -> None:
    assert list(find_variants(REGISTRY.normalise(parse_attack(attack)))) == variants


def test_no_member_has_variants() -> None:
    assert not any(map(find_variants, load_required().levels["clean"]))


def test_the_set_changes_on_purpose() -> None:
    """Changing the set changes every rank: change this line with it, and only before a matrix is played."""
    assert load_required().hash == "0a130776829eedcf"
