"""Purifications that learn: a planted linear signal is projected out, and a bridge removes noise on unseen pictures."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from attacks import REGISTRY
from attacks.parts import PARTS, Knowledge
from bench.datasets import load
from bench.samples import Sample, SampleSet
from bench.spec import Method

RNG = np.random.default_rng(0)
ANSWERS = ["dog", "cat", "bird", "fish"]
PATTERNS = RNG.choice([-8, 8], (len(ANSWERS), 24, 24, 3))


def planted(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Random smooth pictures, clean and with the pattern of their answer, 8 levels strong."""
    rng = np.random.default_rng(seed)
    clean = rng.integers(60, 190, (count, 1, 1, 3)) + rng.normal(0, 6, (count, 24, 24, 3))
    kinds = rng.integers(0, len(ANSWERS), count)
    return (
        clean.round().astype(np.uint8),
        (clean + PATTERNS[kinds]).round().astype(np.uint8),
        [ANSWERS[k] for k in kinds],
    )


def readable(train: np.ndarray, labels: list[str], test: np.ndarray, truth: list[str]) -> float:
    """How well a new linear probe of `train` reads the pattern on unseen pictures."""
    probe = LogisticRegression(max_iter=200).fit(train.reshape(len(train), -1) / 255 - 0.5, labels)
    return float(probe.score(test.reshape(len(test), -1) / 255 - 0.5, truth))


def test_a_planted_linear_signal_is_projected_out() -> None:
    _, dirty, labels = planted(200, 1)
    _, unseen, truth = planted(200, 2)
    samples = SampleSet(
        tuple(Sample(f"{i}", f"{i}", p, "What?", a) for i, (p, a) in enumerate(zip(dirty, labels, strict=True)))
    )
    part = PARTS.build(Method(name="orthogonal_projection"))
    own = Knowledge(victim=None, validation=SampleSet(()))  # type: ignore[arg-type]
    done = part.prepare(samples, own, np.random.default_rng(0))
    assert readable(dirty, labels, unseen, truth) > 0.95
    assert readable(np.stack([s.pixels for s in done]), labels, unseen, truth) < 0.5
    assert np.abs(np.stack([s.pixels for s in done]).astype(int) - dirty).mean() < 16, "the pictures are still there"


def test_pictures_of_one_answer_are_left_as_they_are() -> None:
    clean, _, _ = planted(5, 3)
    samples = SampleSet(tuple(Sample(f"{i}", f"{i}", p, "What?", "dog") for i, p in enumerate(clean)))
    own = Knowledge(victim=None, validation=SampleSet(()))  # type: ignore[arg-type]
    done = PARTS.build(Method(name="orthogonal_projection")).prepare(samples, own, np.random.default_rng(0))
    assert all((a.pixels == b.pixels).all() for a, b in zip(samples, done, strict=True))


def test_a_bridge_removes_noise_on_unseen_pictures() -> None:
    """Signs that alternate from pixel to pixel on the emoji: what is learned on 64 pictures holds on others."""
    board = (8 * (1 - 2 * (np.indices((64, 64)).sum(0) % 2)))[..., None]

    def protect(s: Sample) -> Sample:
        return replace(s, pixels=(s.pixels.astype(int) + board).clip(0, 255).astype(np.uint8))

    validation = SampleSet(load("emoji_catalog", "validation")[:64])
    unseen = load("emoji_smoke", "train")[:8]
    part = PARTS.build(Method(name="bridge", options={"steps": 100, "width": 12, "depth": 3, "crop": 24, "lr": 1e-2}))
    own = Knowledge(None, validation, queried=SampleSet(tuple(map(protect, validation))))  # type: ignore[arg-type]
    done = part.prepare(SampleSet(tuple(map(protect, unseen))), own, np.random.default_rng(0))
    errors = [np.abs(a.pixels.astype(int) - b.pixels).mean() for a, b in zip(unseen, done, strict=True)]
    assert np.mean(errors) < 4, "half of the noise is left"
    again = part.prepare(SampleSet(tuple(map(protect, unseen))), own, np.random.default_rng(0))
    assert all((a.pixels == b.pixels).all() for a, b in zip(done, again, strict=True))


@pytest.mark.parametrize("pairs", [64, 256])
def test_a_bridge_says_how_often_the_protector_is_asked(pairs: int) -> None:
    attack = REGISTRY.build(Method(name="lora_sft+bridge", options={"bridge.pairs": pairs}))
    assert (attack.queries, attack.needs) == (pairs, {"queried"})
