"""Noise is resized by repeating values, so that it fits other pictures and stays within its budget."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.samples import Sample, SampleSet
from defenses.craft.noise import add_noise, resize_nearest


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.integers(1, 20))
def test_resizing_keeps_values_and_order(height: int, width: int, rows: int, columns: int) -> None:
    noise = np.arange(3 * height * width).reshape(3, height, width)
    big = resize_nearest(noise, (rows, columns))
    assert big.shape == (3, rows, columns)
    for r in range(rows):
        for c in range(columns):
            assert (big[:, r, c] == noise[:, r * height // rows, c * width // columns]).all()
    tensor = resize_nearest(torch.from_numpy(noise), (rows, columns))
    assert np.array_equal(tensor.numpy(), big)


def test_noise_of_the_same_size_is_itself() -> None:
    noise = torch.ones(3, 4, 5)
    assert resize_nearest(noise, (4, 5)) is noise


def test_the_gradient_of_a_resized_noise_is_the_sum_over_its_copies() -> None:
    noise = torch.zeros(3, 2, 2, requires_grad=True)
    resize_nearest(noise, (4, 6)).sum().backward()
    assert noise.grad is not None
    assert torch.equal(noise.grad, torch.full((3, 2, 2), 6.0))


def test_noise_is_added_to_each_picture_within_the_levels() -> None:
    gray, white = np.full((4, 6, 3), 100, np.uint8), np.full((2, 2, 3), 250, np.uint8)
    samples = SampleSet(
        (
            Sample("a", "gray", gray, "?", "x"),
            Sample("b", "white", white, "?", "y"),
            Sample("c", "gray", gray, "!", "x"),
        )
    )
    first, second, third = add_noise(samples, {"gray": np.full((3, 2, 2), -8), "white": np.full((3, 2, 2), 8)})
    assert (first.pixels == 92).all() and first.pixels.shape == gray.shape and first.pixels.dtype == np.uint8
    assert (second.pixels == 255).all()
    assert third.pixels is first.pixels and third.question == "!", "questions about one picture share it"
