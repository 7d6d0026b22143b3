"""Blocks that a linear classifier tells apart by the answer, and by nothing else."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from bench.datasets import load
from bench.samples import SampleSet
from bench.spec import Budget, Method
from bench.stages.audit import audit
from defenses import REGISTRY


@pytest.fixture(scope="module")
def clean() -> SampleSet:
    """24 things, four pictures of each, all gray: what is left of a release is its noise."""
    samples = load("emoji_smoke", "train").samples
    gray = np.full_like(samples[0].pixels, 128)
    return SampleSet(tuple(replace(s, pixels=gray) for s in samples))


def play(name: str, samples: SampleSet, seed: int = 0, epsilon: int = 8, **options: object) -> SampleSet:
    defense = REGISTRY.build(Method(name=name, options=options))
    return defense.protect(samples, [], Budget(epsilon=epsilon), np.random.default_rng(seed), lambda *_: None).samples


def noise(clean: SampleSet, released: SampleSet) -> np.ndarray:
    """(N, H, W, 3) levels."""
    return np.stack([b.pixels.astype(int) - a.pixels for a, b in zip(clean, released, strict=True)])


def held_out_accuracy(points: np.ndarray, labels: list[str]) -> float:
    """Of a linear classifier, on one picture of each thing that it did not see."""
    flat, names = points.reshape(len(points), -1), np.array(labels)
    test = np.arange(len(flat)) % 4 == 3
    return float((RidgeClassifier().fit(flat[~test], names[~test]).predict(flat[test]) == names[test]).mean())


@pytest.mark.parametrize("name", ["lsp", "random_noise_class"])
def test_the_noise_alone_tells_the_answer_linearly_and_not_a_shuffled_one(name: str, clean: SampleSet) -> None:
    points = noise(clean, play(name, clean))
    answers = [s.answer for s in clean]
    assert held_out_accuracy(points, answers) == 1
    shuffled = [str(a) for a in np.random.default_rng(0).permutation(answers)]
    assert held_out_accuracy(points, shuffled) < 0.3
    assert held_out_accuracy(noise(clean, play("random_noise", clean)), answers) < 0.3


@pytest.mark.parametrize("epsilon", [2, 4, 8, 16])
def test_every_value_is_at_the_budget(clean: SampleSet, epsilon: int) -> None:
    released = play("lsp", clean, epsilon=epsilon)
    assert set(np.unique(noise(clean, released))) == {-epsilon, epsilon}
    assert audit(clean, released, Budget(epsilon=epsilon))["linf"] == epsilon


def test_a_larger_budget_is_read_more_surely_under_real_pictures() -> None:
    """Held-out accuracy of a linear classifier on the released pictures themselves; 5 points are taken for noise."""
    pictures = SampleSet(load("emoji_smoke", "train").samples)
    answers, found = [s.answer for s in pictures], []
    for epsilon in (2, 4, 8, 16):
        points = np.stack([s.pixels.astype(float) for s in play("lsp", pictures, epsilon=epsilon)])
        found.append(held_out_accuracy(points, answers))
    assert all(larger > smaller - 0.05 for smaller, larger in pairwise(found)), found
    assert found[-1] > found[0] + 0.2, found


@pytest.mark.parametrize("blocks", [4, 8])
def test_noise_is_constant_in_a_block_and_pictures_of_a_thing_differ(clean: SampleSet, blocks: int) -> None:
    points = noise(clean, play("lsp", clean, blocks=blocks, separation=0.5))
    side = 64 // blocks
    cells = points.reshape(len(points), blocks, side, blocks, side, 3)
    assert (cells == cells[:, :, :1, :, :1]).all()
    assert len(np.unique(points.reshape(len(points), -1), axis=0)) == len(points)


def test_a_wider_separation_makes_the_pictures_of_a_thing_more_alike(clean: SampleSet) -> None:
    def alike(separation: float) -> float:
        points = noise(clean, play("lsp", clean, separation=separation)).reshape(24, 4, -1)
        return float((points[:, 1:] == points[:, :1]).mean())

    assert alike(0.01) < alike(10) < alike(1000) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", ["lsp", "random_noise_class"])
def test_the_release_is_a_function_of_the_seed(name: str, clean: SampleSet) -> None:
    one, again, other = (play(name, clean, seed).digest for seed in (0, 0, 1))
    assert one == again != other
    assert REGISTRY.get(name).depends == {"budget", "seed"}


@pytest.mark.parametrize("name", ["lsp", "random_noise_class"])
def test_a_picture_with_several_questions_has_one_noise(name: str, clean: SampleSet) -> None:
    two = SampleSet(tuple(replace(s, id=f"{s.id}{k}", answer=f"{s.answer}{k}") for s in clean[:8] for k in range(2)))
    released = play(name, two)
    for first, second in zip(released[::2], released[1::2], strict=True):
        assert np.array_equal(first.pixels, second.pixels)


def test_random_noise_of_a_class_is_uniform_and_shared(clean: SampleSet) -> None:
    points = noise(clean, play("random_noise_class", clean)).reshape(24, 4, -1)
    assert (points == points[:, :1]).all()
    firsts = points[:, 0]
    assert len(np.unique(firsts, axis=0)) == 24
    counts = np.bincount((firsts + 8).ravel(), minlength=17)
    assert counts.min() > 0.9 * counts.mean() and counts.max() < 1.1 * counts.mean()
