"""Small versions of runs: samples with different answers, methods with fewer steps and never with more."""

import numpy as np

from bench.game.submissions.played import VICTIM
from bench.lvlm.catalog import load_once
from bench.play.small import COUNT, SMALL, compute_losses, few, protect_shortly, shorten
from bench.spec import Method
from defenses import REGISTRY


def test_the_samples_are_few_and_their_answers_differ() -> None:
    samples = few()
    assert len(samples) == COUNT
    assert len({s.answer for s in samples}) > COUNT // 2


def test_steps_are_fewer_and_never_more() -> None:
    method = Method(name="em", options={"rounds": 1, "image_steps": 9})
    settings = REGISTRY.describe(method).options
    short = shorten(method, settings)
    assert short.options["rounds"] == 1 and short.options["image_steps"] == SMALL["image_steps"]
    assert all(value <= settings[name] for name, value in short.options.items() if settings[name] is not None)
    assert short.options.keys() <= settings.keys()


def test_a_loss_is_of_the_answer_and_a_release_changes_it() -> None:
    lvlm, samples = load_once(VICTIM), few()[:4]
    losses = compute_losses(lvlm, samples)
    assert losses.shape == (4,) and (losses > 0).all()
    named = [s.change(answer="answer: " + s.answer) for s in samples]
    assert not np.allclose(compute_losses(lvlm, named), losses)
    released = protect_shortly(Method(name="random_noise"), few()).samples[:4]
    assert not np.array_equal(compute_losses(lvlm, released), losses)
