"""Effects of every method on a release: budgets hold, answers stay, losses move the right way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from bench.spec import Budget, Method
from bench.stages.audit import audit
from defenses import REGISTRY
from defenses.base import Protected
from defenses.craft.levels import to_levels
from defenses.craft.pixel import PixelDefense
from defenses.craft.trigger import TriggerOptions
from tests.defenses.claims import TRIGGERED, accepted, build, touched

DEFAULT = Budget()
QUICK: dict[str, object] = {"rounds": 1, "image_steps": 2, "batch": 8, "inner_steps": 1, "candidates": 2}


@pytest.fixture(scope="module")
def samples(samples: SampleSet) -> SampleSet:
    """Eight pictures of three things."""
    return SampleSet(samples[::3])


def protect(
    name: str, samples: SampleSet, victims: list[LVLM], budget: Budget = DEFAULT, **options: object
) -> Protected:
    defense = REGISTRY.build(Method(name=name, options=options))
    return defense.protect(samples, victims, budget, np.random.default_rng(0), lambda *_: None)


def quick(name: str) -> dict[str, object]:
    """Return options for a release in no time."""
    return accepted(name, QUICK)


def mean_loss(victim: LVLM, samples: SampleSet) -> float:
    images = [to_levels(s.pixels) for s in samples]
    encoded = victim.encode([Prompt(s.question, s.answer) for s in samples], victim.layouts(images))
    with torch.no_grad():
        return victim.loss(encoded, images).mean().item()


@pytest.mark.parametrize("name", sorted(REGISTRY.catalog))
def test_budget_holds_on_decoded_files_and_the_rest_stays(
    name: str, victim: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    budget, four = Budget(epsilon=2, words=3), SampleSet(samples[::2])
    protect(name, four, [victim], budget, **quick(name)).samples.save(tmp_path / "release")
    report = audit(four, SampleSet.load(tmp_path / "release"), budget, name in REGISTRY.controls)
    changes = {"pictures": report["linf"] > 0, "questions": report["words"] > 0, "answers": "answers" in report}
    assert {part for part, changed in changes.items() if changed} == touched(name) - {"nothing"}, "against its card"
    if name in TRIGGERED:
        assert report["words"] == 3


@pytest.mark.parametrize("name", ["em", "mmguard", "tap", "sem", "bait", "uc", "mem"])
def test_same_generator_same_release(name: str, victim: LVLM, samples: SampleSet) -> None:
    four = SampleSet(samples[::2])
    first, second = (protect(name, four, [victim], **quick(name)).samples.digest for _ in range(2))
    assert first == second


def test_em_lowers_the_training_loss_and_more_steps_lower_it_more(victim: LVLM, samples: SampleSet) -> None:
    losses = [mean_loss(victim, samples)]
    for steps in (2, 8):
        options = {"rounds": 1, "image_steps": steps, "inner_steps": 1}
        losses.append(mean_loss(victim, protect("em", samples, [victim], **options).samples))
    assert losses[0] > losses[1] > losses[2]
    noise = mean_loss(victim, protect("random_noise", samples, [victim]).samples)
    assert losses[2] < noise


def test_trigger_search_beats_random_words(victim: LVLM, samples: SampleSet) -> None:
    searched = mean_loss(victim, protect("text_trigger", samples, [victim], rounds=1, candidates=6).samples)
    random = mean_loss(victim, protect("text_trigger", samples, [victim], rounds=1, text_rounds=0).samples)
    assert searched < random


@pytest.mark.parametrize("name", ["mmguard", "mmguard_crs"])
def test_binding_weight_lowers_the_binding_loss(name: str, victim: LVLM, samples: SampleSet) -> None:
    def outer(weight: float) -> float:
        options = {"rounds": 1, "image_steps": 8, "text_rounds": 0, "lambda_train": 0.0, "lambda_bind": weight}
        first = protect(name, samples, [victim], **{**options, "image_steps": 1}).log["history"][0]["outer"]
        return protect(name, samples, [victim], **options).log["history"][0]["outer"] - first

    assert outer(1.0) < 0


@pytest.mark.parametrize("name", ["mmguard", "mmguard_bph_max", "mmguard_crs", "mmguard_crs_max"])
def test_every_option_of_binding_counts(name: str, victim: LVLM, samples: SampleSet) -> None:
    """Two recipes whose options differ are two releases: no variant has an option that does nothing."""
    few = SampleSet(samples[::4])
    default = {"rounds": 1, "image_steps": 1, "text_rounds": 0}

    def outer(**options: object) -> float:
        return protect(name, few, [victim], **{**default, **options}).log["history"][0]["outer"]

    own = set(type(build(name).options).model_fields) - set(TriggerOptions.model_fields)
    assert {"lambda_train", "lambda_bind", "layers"} <= own
    before = outer()
    for option in own:
        other = {"layers": 1, "tau": 0.5}.get(option, 2.0)
        assert outer(**{option: other}) != before, option


def test_multimodal_is_mmguard_without_binding(victim: LVLM, samples: SampleSet) -> None:
    options = {"rounds": 1, "image_steps": 2, "candidates": 2}
    unbound = protect("mmguard", samples, [victim], **options, lambda_bind=0.0)
    assert unbound.samples.digest == protect("multimodal", samples, [victim], **options).samples.digest


def test_no_parameter_gets_a_gradient_and_the_base_comes_back(
    victim: LVLM, samples: SampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {k: v.clone() for k, v in victim.model.state_dict().items()}
    seen = []
    compute = PixelDefense.compute_gradients

    def spy(self: PixelDefense, batches, surrogates, number):  # type: ignore[no-untyped-def]
        for gradients in compute(self, batches, surrogates, number):
            seen.extend((p.grad is None, p.requires_grad) for s in surrogates for p in s.lvlm.model.parameters())
            yield gradients

    monkeypatch.setattr(PixelDefense, "compute_gradients", spy)
    protect("em", samples, [victim], **quick("em"))
    assert seen
    assert set(seen) == {(True, False)}
    after = victim.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_inner_steps_move_the_surrogate_and_reset_takes_it_back(victim: LVLM, samples: SampleSet) -> None:
    samples = SampleSet(samples[::2])
    still = protect("em", samples, [victim], rounds=2, image_steps=1, inner_steps=0)
    moved = protect("em", samples, [victim], rounds=2, image_steps=1, inner_steps=12, inner_lr=5e-3)
    kept = protect("em", samples, [victim], rounds=2, image_steps=1, inner_steps=12, inner_lr=5e-3, keep_adapters=True)
    assert moved.log["history"][0]["outer"] < still.log["history"][0]["outer"]
    assert kept.log["history"][1]["inner"] < moved.log["history"][1]["inner"]


def test_one_picture_with_several_questions_gets_one_perturbation(victim: LVLM, samples: SampleSet) -> None:
    twice = SampleSet(tuple(replace(s, id=f"{s.id}-{k}") for s in samples[:4] for k in range(2)))
    done = protect("em", twice, [victim], **{**quick("em"), "batch": 3}).samples
    for first, second in zip(done[::2], done[1::2], strict=True):
        assert np.array_equal(first.pixels, second.pixels)
