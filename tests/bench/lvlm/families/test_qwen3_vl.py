"""Qwen3-VL: patches, grids, positions and tokens against the processor and the model's own index."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Qwen2VLImageProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.qwen3_vl import Qwen3VL
from bench.lvlm.text import Prompt


@pytest.fixture(scope="module")
def native(qwen: LVLM) -> Qwen3VL:
    """The same model with a processor that lets pictures keep about their size."""
    processor = Qwen2VLImageProcessor(
        patch_size=8, merge_size=2, size={"shortest_edge": 1024, "longest_edge": 6400}, image_mean=[0.4, 0.5, 0.6]
    )
    return Qwen3VL("native", "random", qwen.model, qwen.tokenizer, processor)


@pytest.fixture(params=["fixed", "native"])
def model(request: pytest.FixtureRequest, qwen: LVLM, native: Qwen3VL) -> LVLM:
    """Both processors."""
    return qwen if request.param == "fixed" else native


def levels(model: LVLM, patches: torch.Tensor) -> torch.Tensor:
    """Normalised patches (N, 3 * frames * p * p) back in 0..255."""
    mean, std = (torch.tensor(v).view(3, 1) for v in (model.processor.image_mean, model.processor.image_std))
    return (patches.view(len(patches), 3, -1) * std + mean) * 255


def test_patches_are_the_processors(model: LVLM, pictures: list[np.ndarray], tensors: list[torch.Tensor]) -> None:
    ours, theirs = model.pixel_values(tensors), model.run_processor(pictures)
    assert torch.equal(ours["image_grid_thw"], theirs["image_grid_thw"])
    assert len({tuple(grid) for grid in ours["image_grid_thw"].tolist()}) == 3, "the sizes give three layouts"
    assert ours["pixel_values"].shape == theirs["pixel_values"].shape
    off = (levels(model, ours["pixel_values"]) - levels(model, theirs["pixel_values"])).abs()
    assert off.max() < 1.01
    assert (off > 0.5).float().mean() <= 0.001


def test_patches_carry_straight_through_gradients(model: LVLM, tensors: list[torch.Tensor]) -> None:
    """A resize keeps a constant, so the sum over output pixels has the gradient's sum known in advance."""
    for tensor in tensors:
        leaf = tensor.clone().requires_grad_(True)
        patches = model.pixel_values([leaf])["pixel_values"]
        (gradient,) = torch.autograd.grad(levels(model, patches).sum(), leaf)
        assert torch.isfinite(gradient).all() and gradient.abs().max() > 0
        torch.testing.assert_close(gradient.sum(), torch.tensor(float(patches.numel())), rtol=1e-3, atol=0)


@given(st.integers(20, 200), st.integers(20, 200))
@settings(max_examples=20)
def test_layout_and_tokens_are_those_of_the_processors_grid(native: Qwen3VL, height: int, width: int) -> None:
    grid = native.run_processor([np.zeros((height, width, 3), np.uint8)])["image_grid_thw"][0]
    layout = native.layout((height, width))
    assert layout == (8 * grid[1], 8 * grid[2])
    assert native.image_tokens(layout) == native.image_token * (int(grid.prod()) // 4)


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_positions_are_the_models_own(model: LVLM, tensors: list[torch.Tensor], left: bool) -> None:
    prompts = [Prompt("What is this?" + " please" * i, "cat" * (6 - i)) for i in range(len(tensors))]
    encoded = model.encode(prompts, model.layouts(tensors), left=left)
    ours = model.position_inputs(encoded, model.layouts(tensors))["position_ids"]
    theirs, _ = model.model.model.get_rope_index(
        input_ids=encoded.ids,
        mm_token_type_ids=encoded.image.int(),
        image_grid_thw=model.pixel_values(tensors)["image_grid_thw"],
        attention_mask=encoded.mask.long(),
    )
    assert not encoded.mask.all()
    assert torch.equal(ours[:, encoded.mask], theirs[:, encoded.mask])
    assert ours.min() >= 0


def test_token_intensity_is_that_of_the_patches_of_a_token(qwen: LVLM) -> None:
    """In the processor's own order: four neighbouring rows of `pixel_values` are one token."""
    black = np.zeros((48, 48, 3), np.uint8)
    for y, x in ((0, 0), (15, 16), (33, 40), (47, 0)):
        dotted = black.copy()
        dotted[y, x] = (30, 0, 60)
        before, after = (qwen.run_processor([p])["pixel_values"] for p in (black, dotted))
        seen = (after - before).abs().sum(1).view(-1, 4).sum(1) > 0
        clean, dirty = (torch.from_numpy(p).permute(2, 0, 1)[None].float() for p in (black, dotted))
        (rho,) = qwen.token_intensity([(qwen.preprocess(dirty) - qwen.preprocess(clean))[0]])
        assert torch.equal(rho > 0, seen) and int(seen.sum()) == 1
        torch.testing.assert_close(rho.max(), torch.tensor(90 / 255 / 0.5 / 3 / 256))


def test_generation_is_told_which_tokens_are_the_picture(qwen: LVLM) -> None:
    encoded = qwen.encode([Prompt("What?")], [(48, 32)])
    types = qwen.generation_inputs(encoded, [(48, 32)])["mm_token_type_ids"]
    assert torch.equal(types == 1, encoded.ids == qwen.text.image_id) and int(types.sum()) == 6
