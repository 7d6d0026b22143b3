"""What a release does to the training loss on its surrogate, and what is left of class-wise noise when shuffled."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from tests.defenses.claims import ASCENDING, CLASSWISE, DESCENDING, METHODS, NO_TRAINING_LOSS, built

QUICK = {"image_steps": 8, "inner_steps": 1, "candidates": 6}


def loss(victim: LVLM, pictures: SampleSet, answers: list[str]) -> float:
    """Mean over samples of the answer's NLL, on the surrogate as it was before anything was adapted."""
    images = [torch.from_numpy(s.pixels.copy()).permute(2, 0, 1).float() for s in pictures]
    prompts = [Prompt(s.question, answer) for s, answer in zip(pictures, answers, strict=True)]
    with torch.no_grad():
        return float(victim.loss(victim.encode(prompts, victim.layouts(images)), images).mean())


def release(name: str, victim: LVLM, samples: SampleSet, **changed: object) -> SampleSet:
    """What an owner publishes, with fewer steps than by default where the method lets them be set."""
    defaults = REGISTRY.build(Method(name=name)).options.model_dump()
    options = {k: v for k, v in QUICK.items() if defaults.get(k)} | changed
    defense = REGISTRY.build(Method(name=name, options=options))
    return defense.protect(samples, [victim], Budget(), np.random.default_rng(0), lambda *_: None).samples


@pytest.mark.parametrize("name", DESCENDING)
def test_the_released_loss_is_below_the_clean_one(name: str, victim: LVLM, few: SampleSet) -> None:
    answers = [s.answer for s in few]
    clean, released = loss(victim, few, answers), loss(victim, release(name, victim, few), answers)
    assert released < 0.98 * clean


@pytest.mark.parametrize("name", ASCENDING)
def test_the_released_loss_of_max_variants_is_above_the_clean_one(name: str, victim: LVLM, few: SampleSet) -> None:
    """And above that of a release with random noise and random words, so that it is not the words alone."""
    answers = [s.answer for s in few]
    clean, released = loss(victim, few, answers), loss(victim, release(name, victim, few), answers)
    start = loss(victim, release(name, victim, few, image_steps=1, text_rounds=0, rounds=1), answers)
    assert released > 1.02 * clean and released > 1.02 * start


def test_tap_lowers_the_loss_of_its_wrong_answers(victim: LVLM, few: SampleSet) -> None:
    defense = REGISTRY.build(Method(name="tap", options={"image_steps": 8, "inner_steps": 2}))
    done = defense.protect(few, [victim], Budget(), np.random.default_rng(0), lambda *_: None).samples
    wrong, right = defense.targets, [s.answer for s in few]
    assert not any(a == b for a, b in zip(wrong, right, strict=True))
    assert loss(victim, done, wrong) < 0.98 * loss(victim, few, wrong)
    assert loss(victim, done, right) > loss(victim, done, wrong) - loss(victim, few, wrong) + loss(victim, few, right)


def test_every_method_is_under_one_of_these_claims() -> None:
    assert {*DESCENDING, *ASCENDING, *NO_TRAINING_LOSS} == set(METHODS)
    assert ASCENDING == ["mmguard_bph_max", "mmguard_crs_max"]


@pytest.mark.parametrize("name", CLASSWISE)
def test_noise_that_is_shuffled_between_clusters_has_lost_its_effect(name: str, game: Callable) -> None:
    play = game(name, image_steps=8, clusters=3)
    start = play.objective()
    play.steps()
    own, noise = play.objective(), dict(play.defense.noise)
    order = sorted(noise)
    assert len(order) == 3
    for number, giver in zip(order, order[1:] + order[:1], strict=True):
        play.defense.put(play.draft, number, noise[giver])
    exchanged = play.objective()
    assert own < start and exchanged > own + 0.5 * (start - own), (start, own, exchanged)


def test_every_class_wise_method_is_shuffled() -> None:
    """`lsp` has no noise of a cluster, but a distribution; its labels are shuffled in test_lsp.py."""
    assert {name for name in METHODS if "cluster" in built(name).card.touches} == {*CLASSWISE, "lsp"}
