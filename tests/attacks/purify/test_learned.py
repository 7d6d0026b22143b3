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
    """Return random smooth pictures, the same with the pattern of their answer (8 levels), and the answers."""
    rng = np.random.default_rng(seed)
    clean = rng.integers(60, 190, (count, 1, 1, 3)) + rng.normal(0, 6, (count, 24, 24, 3))
    kinds = rng.integers(0, len(ANSWERS), count)
    return (
        clean.round().astype(np.uint8),
        (clean + PATTERNS[kinds]).round().astype(np.uint8),
        [ANSWERS[k] for k in kinds],
    )


def probe_accuracy(train: np.ndarray, labels: list[str], test: np.ndarray, truth: list[str]) -> float:
    """Return the accuracy on unseen pictures of a linear probe that is fitted to `train`."""
    probe = LogisticRegression(max_iter=200).fit(train.reshape(len(train), -1) / 255 - 0.5, labels)
    return float(probe.score(test.reshape(len(test), -1) / 255 - 0.5, truth))


def test_a_planted_linear_signal_is_projected_out() -> None:
    _, dirty, labels = planted(200, 1)
    _, unseen, truth = planted(200, 2)
    samples = SampleSet(
        tuple(Sample(f"{i}", f"{i}", p, "What?", a) for i, (p, a) in enumerate(zip(dirty, labels, strict=True)))
    )
    part = PARTS.build(Method(name="orthogonal_projection"))
    knowledge = Knowledge(victim=None, validation=SampleSet(()))  # type: ignore[arg-type]
    done = part.prepare(samples, knowledge, np.random.default_rng(0))
    assert probe_accuracy(dirty, labels, unseen, truth) > 0.95
    assert probe_accuracy(np.stack([s.pixels for s in done]), labels, unseen, truth) < 0.5
    assert np.abs(np.stack([s.pixels for s in done]).astype(int) - dirty).mean() < 16, "the pictures are still there"


def test_fewer_directions_change_the_pictures_less() -> None:
    _, dirty, labels = planted(200, 1)
    samples = SampleSet(
        tuple(Sample(f"{i}", f"{i}", p, "What?", a) for i, (p, a) in enumerate(zip(dirty, labels, strict=True)))
    )
    knowledge = Knowledge(victim=None, validation=SampleSet(()))  # type: ignore[arg-type]

    def change(directions: int) -> float:
        part = PARTS.build(Method(name="orthogonal_projection", options={"directions": directions}))
        done = part.prepare(samples, knowledge, np.random.default_rng(0))
        return float(np.square(np.stack([s.pixels for s in done]) - dirty.astype(float)).sum())

    assert change(1) < change(2) < change(3) <= change(0) * 1.001


def test_pictures_of_one_answer_are_left_as_they_are() -> None:
    clean, _, _ = planted(5, 3)
    samples = SampleSet(tuple(Sample(f"{i}", f"{i}", p, "What?", "dog") for i, p in enumerate(clean)))
    knowledge = Knowledge(victim=None, validation=SampleSet(()))  # type: ignore[arg-type]
    done = PARTS.build(Method(name="orthogonal_projection")).prepare(samples, knowledge, np.random.default_rng(0))
    assert all((a.pixels == b.pixels).all() for a, b in zip(samples, done, strict=True))


def test_a_bridge_removes_noise_on_unseen_pictures() -> None:
    """A checkerboard pattern, learned on 64 pictures, is removed from others."""
    board = (8 * (1 - 2 * (np.indices((64, 64)).sum(0) % 2)))[..., None]

    def protect(s: Sample) -> Sample:
        return replace(s, pixels=(s.pixels.astype(int) + board).clip(0, 255).astype(np.uint8))

    validation = SampleSet(load("emoji_catalog", "validation")[:64])
    unseen = load("emoji_smoke", "train")[:8]
    part = PARTS.build(Method(name="bridge", options={"steps": 100, "width": 12, "depth": 3, "crop": 24, "lr": 1e-2}))
    knowledge = Knowledge(None, validation, queried=SampleSet(tuple(map(protect, validation))))  # type: ignore[arg-type]
    done = part.prepare(SampleSet(tuple(map(protect, unseen))), knowledge, np.random.default_rng(0))
    errors = [np.abs(a.pixels.astype(int) - b.pixels).mean() for a, b in zip(unseen, done, strict=True)]
    assert np.mean(errors) < 4, "half of the noise is left"
    again = part.prepare(SampleSet(tuple(map(protect, unseen))), knowledge, np.random.default_rng(0))
    assert all((a.pixels == b.pixels).all() for a, b in zip(done, again, strict=True))


@pytest.mark.parametrize("pairs", [64, 256])
def test_a_bridge_states_its_number_of_queries(pairs: int) -> None:
    attack = REGISTRY.build(Method(name="lora_sft+bridge", options={"bridge.pairs": pairs}))
    assert (attack.queries, attack.needs) == (pairs, {"queried"})
