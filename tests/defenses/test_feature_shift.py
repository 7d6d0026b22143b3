"""`feature_shift` moves the features of all pictures the same way, and needs neither answers nor a language model."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.samples import Sample, SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.vision import compute_features, tower_features


def test_all_pictures_go_one_way_and_the_way_is_away_from_their_mean(game: Callable, victim: LVLM) -> None:
    play = game("feature_shift", image_steps=8)
    before = torch.stack(list(compute_features(play.draft.samples, victim).values()))
    play.steps()
    with torch.no_grad():
        shift = tower_features(victim, list(play.images().values())) - before
    mean = before.mean(0)
    assert (torch.cosine_similarity(shift, -mean[None]) > 0.1).all()
    agreement = torch.nn.functional.normalize(shift, dim=1)
    pairs = (agreement @ agreement.T)[~torch.eye(len(shift), dtype=torch.bool)]
    noise = game("em", image_steps=8)
    noise.steps()
    with torch.no_grad():
        other = torch.nn.functional.normalize(tower_features(victim, list(noise.images().values())) - before, dim=1)
    assert pairs.mean() > (other @ other.T)[~torch.eye(len(shift), dtype=torch.bool)].mean() + 0.2


def test_it_reads_no_answers_and_runs_no_language_model(
    victim: LVLM, few: SampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the language model ran")

    monkeypatch.setattr(victim.model.model.language_model, "forward", fail)
    other_texts = SampleSet(tuple(Sample(s.id, s.image_id, s.pixels, "Who?", f"nobody {i}") for i, s in enumerate(few)))
    defense = REGISTRY.build(Method(name="feature_shift", options={"image_steps": 2}))
    one, other = (
        defense.protect(samples, [victim], Budget(), np.random.default_rng(0), lambda *_: None).samples
        for samples in (few, other_texts)
    )
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, other, strict=True))
