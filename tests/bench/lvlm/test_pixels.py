"""The pixel path against Pillow, torch and numpy, and its straight-through gradients."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F

from bench.lvlm.pixels import MODES as CODES
from bench.lvlm.pixels import Backend, cut_tiles, normalise, quantise, resize

MODES = ("lanczos", "bicubic", "bilinear")
TARGETS = ((48, 48), (64, 32), (112, 112), (20, 90))


@given(st.lists(st.floats(-300, 600, width=32), min_size=1, max_size=20))
def test_quantise_rounds_half_up_into_a_byte(levels: list[float]) -> None:
    x = torch.tensor(levels, dtype=torch.float64, requires_grad=True)
    y = quantise(x)
    np.testing.assert_array_equal(y.detach(), np.clip(np.floor(np.array(levels) + 0.5), 0, 255))
    weights = torch.arange(1.0, len(levels) + 1, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((weights * y).sum(), x)
    assert torch.equal(gradient, weights), "the gradient passes straight through, outside 0..255 too"


def test_quantise_keeps_bytes() -> None:
    every = torch.arange(256)
    assert torch.equal(quantise(every.to(torch.uint8)).long(), every)
    assert torch.equal(quantise(every.float()).long(), every)


def height_first(size: tuple[int, int], target: tuple[int, int]) -> bool:
    """Sizes for which Pillow 13 reversed the order of the passes (its pull request 9549); older versions never do."""
    return target[0] < size[0] and size[0] - target[0] > 2 * (size[1] - target[1])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tall", [False, True], ids=["width first", "height first"])
def test_resize_gives_pillows_bytes(
    pictures: list[np.ndarray], tensors: list[torch.Tensor], mode: str, tall: bool
) -> None:
    code = Image.Resampling[mode.upper()]
    compared = 0
    for picture, tensor in zip(pictures, tensors, strict=True):
        for height, width in (t for t in TARGETS if height_first(picture.shape[:2], t) is tall):
            expected = np.asarray(Image.fromarray(picture).resize((width, height), code)).astype(int)
            ours = resize(tensor, (height, width), mode, "pillow").permute(1, 2, 0).numpy()
            np.testing.assert_array_equal(ours, expected)
            compared += 1
    assert compared


SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90))


@given(SIZES, SIZES, st.sampled_from(MODES))
def test_resize_gives_pillows_bytes_for_any_sizes(size: tuple[int, int], target: tuple[int, int], mode: str) -> None:
    pixels = np.random.default_rng(size).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = Image.fromarray(pixels).resize(target[::-1], Image.Resampling[mode.upper()])
    ours = resize(torch.from_numpy(pixels).permute(2, 0, 1), target, mode, "pillow").permute(1, 2, 0)
    np.testing.assert_array_equal(ours.numpy(), np.asarray(expected))


@given(SIZES, SIZES, st.sampled_from(MODES))
def test_resize_gives_torchs_bytes_for_any_sizes(size: tuple[int, int], target: tuple[int, int], mode: str) -> None:
    """Resize bytes on a CPU with the function that torchvision's `resize` calls."""
    assume(target != (1, 1))  # torch 2.13 fails an assertion of its own
    pixels = torch.from_numpy(np.random.default_rng(size).integers(0, 256, (3, *size), dtype=np.uint8))
    expected = F.interpolate(pixels[None], target, mode=mode, antialias=True, align_corners=False)[0]
    assert torch.equal(resize(pixels, target, mode, "torchvision"), expected.double())


def test_the_resampling_codes_are_pillows() -> None:
    assert {code: Image.Resampling(code).name.lower() for code in CODES} == CODES


def test_the_right_size_is_left_alone(tensors: list[torch.Tensor]) -> None:
    assert torch.equal(resize(tensors[0][None], (37, 51), "bicubic", "pillow")[0], tensors[0].double())


def test_a_batch_of_bytes_is_resized_like_its_members(pictures: list[np.ndarray], tensors: list[torch.Tensor]) -> None:
    pair = torch.stack([torch.from_numpy(p.copy()).permute(2, 0, 1) for p in pictures[:2]])
    assert pair.dtype == torch.uint8
    done = resize(pair, (48, 40), "bicubic", "pillow")
    for one, tensor in zip(done, tensors[:2], strict=True):
        assert torch.equal(one, resize(tensor[None], (48, 40), "bicubic", "pillow")[0])


@pytest.mark.parametrize(("library", "exact"), [("pillow", 1e-5), ("torchvision", 2e-4)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("target", TARGETS)
def test_the_gradient_of_resize_is_that_of_the_interpolation(
    tensors: list[torch.Tensor], library: Backend, exact: float, mode: str, target: tuple[int, int]
) -> None:
    """It equals the gradient of interpolation without rounding, to the precision of the weights."""
    x = tensors[1].double().requires_grad_(True)
    weights = torch.rand(3, *target, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (ours,) = torch.autograd.grad((weights * resize(x[None], target, mode, library)[0]).sum(), x)
    plain = F.interpolate(x[None], target, mode=mode, antialias=True)[0]
    (expected,) = torch.autograd.grad((weights * plain).sum(), x)
    assert torch.isfinite(ours).all()
    assert (ours != 0).float().mean() > 0.99
    torch.testing.assert_close(ours, expected, rtol=exact, atol=exact)


def test_normalise_is_the_processors_arithmetic() -> None:
    levels = torch.randint(0, 256, (2, 3, 4, 5), generator=torch.Generator().manual_seed(1)).double()
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 0.125]
    ours = normalise(levels, mean, std)
    expected = (levels.numpy().transpose(0, 2, 3, 1) / 255 - np.array(mean)) / np.array(std)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy().transpose(0, 2, 3, 1), expected, rtol=1e-6)


@given(*(st.integers(1, n) for n in (3, 4, 4, 5, 5)))
def test_tiles_are_crops_row_by_row(count: int, rows: int, columns: int, height: int, width: int) -> None:
    picture = torch.arange(count * 3 * rows * height * columns * width).view(count, 3, rows * height, columns * width)
    ours = cut_tiles(picture, height, width)
    crops = [
        picture[..., row * height : (row + 1) * height, column * width : (column + 1) * width]
        for row in range(rows)
        for column in range(columns)
    ]
    assert torch.equal(ours, torch.stack(crops, 1))


@pytest.mark.parametrize("box", [(3.3, 0.0, 40.7, 30.2), (0.0, 5.25, 51.0, 37.0), (10.0, 4.0, 26.0, 30.0)])
def test_a_box_is_pillows(pictures: list[np.ndarray], box: tuple[float, float, float, float]) -> None:
    for picture in pictures[:2]:
        expected = Image.fromarray(picture).resize(picture.shape[1::-1], Image.Resampling.BICUBIC, box)
        tensor = torch.from_numpy(picture.copy()).permute(2, 0, 1).float()
        ours = resize(tensor, picture.shape[:2], "bicubic", "pillow", box)
        assert np.array_equal(ours.permute(1, 2, 0).numpy(), np.asarray(expected))
