"""The training loss of a release on its surrogate, and class-wise noise that is exchanged between clusters."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.levels import to_levels
from tests.defenses.claims import ASCENDING, CLAIMS, CLASSWISE, DESCENDING, METHODS, accepted, build

QUICK: dict[str, object] = {"image_steps": 8, "inner_steps": 1, "candidates": 6}


def loss(victim: LVLM, samples: SampleSet) -> float:
    """Return the mean NLL of the answers on the surrogate before anything was adapted."""
    images = [to_levels(s.pixels) for s in samples]
    prompts = [Prompt(s.question, s.answer) for s in samples]
    with torch.no_grad():
        return float(victim.loss(victim.encode(prompts, victim.layouts(images)), images).mean())


def release(name: str, victim: LVLM, samples: SampleSet, **changes: object) -> SampleSet:
    """Return the release of a method, with fewer steps than by default where its options allow that."""
    defense = REGISTRY.build(Method(name=name, options=accepted(name, QUICK | changes)))
    return defense.protect(samples, [victim], Budget(), np.random.default_rng(0), lambda *_: None).samples


@pytest.mark.parametrize("name", DESCENDING)
def test_the_released_loss_is_below_the_clean_one(name: str, victim: LVLM, few: SampleSet) -> None:
    assert loss(victim, release(name, victim, few)) < 0.98 * loss(victim, few), "declare an exemption if it need not be"


@pytest.mark.parametrize("name", ASCENDING)
def test_the_released_loss_of_max_variants_is_above_the_clean_one(name: str, victim: LVLM, few: SampleSet) -> None:
    """And above that of a release with random noise and random words, so that it is not the words alone."""
    clean, released = loss(victim, few), loss(victim, release(name, victim, few))
    start = loss(victim, release(name, victim, few, image_steps=1, text_rounds=0, rounds=1))
    assert released > 1.02 * clean and released > 1.02 * start


def test_the_methods_of_the_paper_are_under_the_claims_that_they_make() -> None:
    assert {"mmguard_bph_max", "mmguard_crs_max"} <= set(ASCENDING)
    assert {"em", "em_class", "hypo", "mem", "mmguard", "mmguard_crs", "multimodal", "sem"} <= set(DESCENDING)
    assert {"em_class", "uc", "bait"} <= set(CLASSWISE)


@pytest.mark.parametrize("name", METHODS)
def test_an_exemption_names_a_claim_and_a_reason(name: str) -> None:
    for claim, reason in build(name).exempt.items():
        assert claim in CLAIMS, f"{name}.exempt: {claim!r}; allowed: {', '.join(CLAIMS)}"
        assert len(reason.split()) > 3, f"{name}.exempt[{claim!r}]: {reason!r}; allowed: a reason in words"


@pytest.mark.parametrize("name", CLASSWISE)
def test_noise_that_is_exchanged_between_clusters_has_lost_its_effect(name: str, game: Callable) -> None:
    play = game(name, image_steps=8, clusters=3)
    start = play.objective()
    play.steps()
    own, noise = play.objective(), dict(play.draft.perturbations)
    order = sorted(noise)
    assert len(order) == 3
    play.draft.perturbations.update({n: noise[other] for n, other in zip(order, order[1:] + order[:1], strict=True)})
    exchanged = play.objective()
    assert own < start and exchanged > own + 0.5 * (start - own), (start, own, exchanged)


def test_the_card_of_a_class_wise_method_says_so() -> None:
    assert all("cluster" in build(name).card.touches for name in CLASSWISE)
