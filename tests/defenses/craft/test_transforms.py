"""Transformations equal those of a trainer's libraries, keep sizes, and let gradients through."""

import io
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from attacks.parts import PARTS
from attacks.purify.noise import NoiseOptions
from bench.errors import UserError
from bench.spec import Method
from defenses import REGISTRY
from defenses.craft.transforms import RANDOM, apply_random, blur, crop, jpeg, noise, resize, uniform_noise


@pytest.fixture(params=range(6))
def picture(request: pytest.FixtureRequest, pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures of odd sizes, drawn and random."""
    return pictures[request.param]


def levels(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1).float()


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().permute(1, 2, 0).numpy()


@pytest.mark.parametrize("quality", [10, 50, 95])
def test_jpeg_is_pillows(picture: np.ndarray, quality: int) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    assert np.array_equal(array(jpeg(levels(picture), quality)), np.asarray(Image.open(buffer)))


def test_jpegs_gradient_passes_straight_through(picture: np.ndarray) -> None:
    leaf = levels(picture).requires_grad_(True)
    weights = torch.randn(leaf.shape, generator=torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad((jpeg(leaf, 30) * weights).sum(), leaf)
    assert torch.equal(gradient, weights)


def test_resize_is_pillows_there_and_back(picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    small = Image.fromarray(picture).resize((round(width * 0.6), round(height * 0.6)), Image.Resampling.BICUBIC)
    expected = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    assert np.array_equal(array(resize(levels(picture), 0.6)), expected)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5])
def test_blur_is_scipys_inside_and_no_identity(picture: np.ndarray, sigma: float) -> None:
    """At the border scipy repeats pixels; six standard deviations inside there is no border."""
    expected = gaussian_filter1d(gaussian_filter1d(picture.astype(float), sigma, 0, truncate=9), sigma, 1, truncate=9)
    made, edge = array(blur(levels(picture), sigma)), 9
    np.testing.assert_allclose(made[edge:-edge, edge:-edge], expected[edge:-edge, edge:-edge], atol=1e-2)
    rough = np.abs(np.diff(picture.astype(float), axis=0)).mean()
    assert np.abs(np.diff(made, axis=0)).mean() < 0.95 * rough


def test_blur_keeps_a_plain_picture_to_its_border() -> None:
    torch.testing.assert_close(blur(torch.full((3, 7, 9), 80.0), 2.0), torch.full((3, 7, 9), 80.0))


def test_a_crop_is_the_window_that_was_asked_for() -> None:
    ramp = torch.arange(40.0).expand(3, 20, 40) * 6
    right = crop(ramp, 0.5, 0.0, 1.0)
    assert right.shape == ramp.shape
    assert right.mean() == pytest.approx(float(ramp[..., 20:].mean()), abs=1)
    assert torch.equal(crop(ramp, 1.0, 0.3, 0.7), ramp)


@pytest.mark.parametrize("seed", range(8))
def test_crop_and_colour_are_the_trainers(picture: np.ndarray, seed: int) -> None:
    """To the level, with the same draws as the attack `crop_color` with its default strength."""
    expected = PARTS.build(Method(name="crop_color")).augment(picture, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    made = RANDOM["color"](RANDOM["crop"](levels(picture), rng), rng)
    assert np.mean(array(made) == expected) > 0.9999 and np.abs(array(made) - expected).max() <= 1


@pytest.mark.parametrize("name", ["jpeg", "resize"])
def test_a_purifier_is_the_trainers(picture: np.ndarray, name: str) -> None:
    expected = PARTS.build(Method(name=name)).purify(picture, np.random.default_rng(4))
    made = array(RANDOM[name](levels(picture), np.random.default_rng(4)))
    assert np.array_equal(made, expected)


def test_noise_is_as_strong_as_the_trainers() -> None:
    gray = np.full((60, 60, 3), 128, np.uint8)
    expected = PARTS.build(Method(name="noise")).purify(gray, np.random.default_rng(0))
    made = array(noise(levels(gray), NoiseOptions().sigma, np.random.default_rng(0)))
    assert np.array_equal(made, made.round()) and made.std() == pytest.approx(expected.std(), rel=0.03)
    assert array(RANDOM["noise"](levels(gray), np.random.default_rng(0))).std() == pytest.approx(made.std(), rel=1e-6)


def test_uniform_noise_reaches_its_bound() -> None:
    moved = uniform_noise(torch.zeros(3, 60, 60), 4.0, np.random.default_rng(0))
    assert 3.9 < moved.max() <= 4 and -4 <= moved.min() < -3.9
    assert moved.std() == pytest.approx(8 / 12**0.5, rel=0.03)


@settings(max_examples=25)
@given(st.sampled_from(sorted(RANDOM)), st.integers(0, 99), st.integers(2, 40), st.integers(2, 40))
def test_every_random_transformation_keeps_the_size_and_the_precision_and_has_a_gradient(
    name: str, seed: int, height: int, width: int
) -> None:
    leaf = torch.full((3, height, width), 90.0, requires_grad=True)
    made = RANDOM[name](leaf, np.random.default_rng(seed))
    assert made.shape == leaf.shape and made.dtype == leaf.dtype
    (gradient,) = torch.autograd.grad(made.sum(), leaf)
    assert gradient.abs().sum() > 0


def test_each_subset_of_the_transformations_is_as_likely_and_they_come_in_the_trainers_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names are appended to the picture instead."""
    for name in RANDOM:
        monkeypatch.setitem(RANDOM, name, lambda image, _, name=name: [*image, name])
    image: list[str] = []
    seen = [tuple(apply_random(["color", "crop", "jpeg"], image, np.random.default_rng(n))) for n in range(800)]  # type: ignore[arg-type,var-annotated]
    order = ("jpeg", "crop", "color")
    subsets = [tuple(x for x in order if x in chosen) for r in range(4) for chosen in combinations(order, r)]
    assert set(seen) == set(subsets)
    assert all(60 < seen.count(subset) < 140 for subset in subsets)


def test_an_unknown_transformation_is_refused() -> None:
    for text in ("jpg", "jpeg,", "jpeg,,blur", "jpeg blur"):
        with pytest.raises(UserError, match="option eot="):
            REGISTRY.build(Method(name="em", options={"eot": text}))
    REGISTRY.build(Method(name="mmguard", options={"eot": "jpeg,blur"}))
