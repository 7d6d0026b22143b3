"""The level of knowledge of an attack, and that below K4 nothing is learned from the answers of validation data."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attacks import REGISTRY
from attacks.grammar import parse_attack
from attacks.parts import PARTS, Knowledge
from attacks.required import load_required
from attacks.tune.sft import SFT
from bench.lvlm.base import LVLM
from bench.progress import silent
from bench.samples import SampleSet
from bench.spec import Method

HIGHEST = {"plain": "K0", "adaptive": "K2", "queries": "K3", "clean": "K4"}
QUICK = {"bridge": {"steps": 3, "width": 4, "depth": 2}, "adversarial": {"steps": 1}}
"""Options that only save time."""


def knowledge_of(method: Method) -> str:
    return REGISTRY.describe(method).traits.knowledge


TUNERS = [
    name
    for name in REGISTRY.catalog
    if issubclass(REGISTRY.get(name), SFT) and name != "qlora_sft" and knowledge_of(Method(name=name)) < "K4"
]
PARTS_BELOW_K4 = [name for name in PARTS.catalog if PARTS.get(name).card.knowledge < "K4"]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("lora_sft", "K0"),
        ("lora_sft+jpeg", "K1"),
        ("tuned+crop_color", "K1"),
        ("full_sft+crop_color+drop_inserted", "K2"),
        ("full_sft+bridge+drop_inserted", "K3"),
        ("lora_sft+mix_clean+jpeg", "K4"),
        ("clean_only+drop_inserted", "K4"),
        ("two_stage", "K4"),
    ],
)
def test_the_level_of_a_composition_is_the_highest_of_its_parts(text: str, level: str) -> None:
    assert knowledge_of(parse_attack(text)) == level


def test_who_needs_originals_is_k4_and_who_queries_k3() -> None:
    for methods in (map(REGISTRY.get, REGISTRY.catalog), map(PARTS.get, PARTS.catalog)):
        for method in methods:
            needs = getattr(method, "needs" if hasattr(method, "augments") else "tuner_needs")
            assert ("owner" in needs) == (method.card.knowledge == "K4"), method.name
            assert ("queried" in needs) == (method.card.knowledge == "K3"), method.name


def test_whoever_holds_clean_pictures_states_their_share() -> None:
    for name in ("two_stage", "clean_only", "lora_sft+relabel", "full_sft+own_only"):
        text = f"{name}(share=0.1)"
        assert REGISTRY.describe(parse_attack(text)).traits.clean_share == 0.1


def test_every_level_of_the_required_set_has_attacks_of_its_own_knowledge() -> None:
    for level, methods in load_required().levels.items():
        assert max(map(knowledge_of, methods)) == HIGHEST[level]


def poisoned(samples: SampleSet, *, pixels: bool) -> SampleSet:
    """Return samples with false answers and, where asked for, black pictures."""
    turned = [s.answer for s in reversed(samples)]
    return SampleSet(
        tuple(
            replace(s, answer=f"not {answer}", pixels=np.zeros_like(s.pixels) if pixels else s.pixels)
            for s, answer in zip(samples, turned, strict=True)
        )
    )


@pytest.mark.parametrize("name", PARTS_BELOW_K4)
def test_no_part_below_k4_reads_answers_or_unqueried_pictures_of_validation(
    name: str, llava: LVLM, samples: SampleSet
) -> None:
    """A trainer who queries has the pictures of their queries, here the first twelve; the others turn black."""
    released, own = SampleSet(samples[:12]), SampleSet(samples[8:])
    queried = SampleSet(own[:12])
    false = SampleSet((*poisoned(queried, pixels=False), *poisoned(SampleSet(own[12:]), pixels=True)))
    part = PARTS.build(Method(name=name, options=QUICK.get(name, {})))
    made = [
        part.prepare(released, Knowledge(llava, validation, queried=queried), np.random.default_rng(0)).digest
        for validation in (own, false)
    ]
    assert made[0] == made[1]


@pytest.mark.parametrize("name", TUNERS)
def test_no_tuner_below_k4_learns_from_validation(name: str, llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    few, own = SampleSet(samples[:8]), SampleSet(samples[8:16])
    files = []
    for number, validation in enumerate((own, poisoned(own, pixels=True))):
        attack = REGISTRY.build(Method(name=name, options={"epochs": 1, "batch": 8, **QUICK.get(name, {})}))
        prepared = attack.prepare(few, Knowledge(llava, validation), np.random.default_rng(0))
        attack.tune(llava, prepared, validation, 0, tmp_path / str(number), silent)
        files.append([file.read_bytes() for file in sorted((tmp_path / str(number)).glob("*.safetensors"))])
    assert files[0] == files[1] != []
