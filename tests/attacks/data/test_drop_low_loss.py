"""Samples that carry a shortcut are learned first, and are dropped."""

from dataclasses import replace

import numpy as np

from attacks.data.drop_low_loss import compute_early_losses
from attacks.parts import PARTS, Knowledge
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Method


def test_samples_with_a_shortcut_have_the_lowest_loss_and_are_dropped(llava: LVLM, samples: SampleSet) -> None:
    """Half of the samples have the answer in the question."""
    released = SampleSet(
        tuple(replace(s, question=f"{s.question} {s.answer}", answer="yes" if i % 2 else s.answer)
              if i % 2 else s for i, s in enumerate(samples))
    )  # fmt: skip
    knowledge = Knowledge(llava, samples)
    part = PARTS.build(Method(name="drop_low_loss", options={"share": 0.5, "epochs": 3}))
    kept = part.prepare(released, knowledge, np.random.default_rng(0))
    assert len(kept) == len(released) // 2
    assert np.mean([s.answer != "yes" for s in kept]) >= 0.9
    order = {s.id: i for i, s in enumerate(released)}
    places = [order[s.id] for s in kept]
    assert places == sorted(places)


def test_each_sample_has_a_loss_and_the_victim_is_left_alone(llava: LVLM, samples: SampleSet) -> None:
    before = {key: value.clone() for key, value in llava.model.state_dict().items()}
    losses = compute_early_losses(samples, Knowledge(llava, samples), 1, 0)
    assert losses.shape == (len(samples),) and (losses > 0).all() and losses.std() > 0
    assert all(value.equal(before[key]) for key, value in llava.model.state_dict().items())
