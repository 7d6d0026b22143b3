"""LLaVA: pixels and tokens against the CLIP processor and the tower's own patch embedding."""

import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.llava import Llava
from bench.lvlm.text import Prompt


@pytest.fixture(scope="module")
def cropped(llava: LVLM) -> Llava:
    """The same model with a processor like LLaVA 1.5's: the short side to 48 pixels, then a centre crop."""
    processor = CLIPImageProcessor(
        size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48}, do_center_crop=True
    )
    return Llava("cropped", "random", llava.model, llava.tokenizer, processor)


@pytest.fixture(params=["resized", "cropped"])
def model(request: pytest.FixtureRequest, llava: LVLM, cropped: Llava) -> LVLM:
    """Both processors."""
    return llava if request.param == "resized" else cropped


def levels(model: LVLM, values: torch.Tensor) -> torch.Tensor:
    """Return normalised values as levels in 0..255."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (model.processor.image_mean, model.processor.image_std))
    return (values * std + mean) * 255


def test_pixels_are_the_processors(model: LVLM, pictures: list[np.ndarray], tensors: list[torch.Tensor]) -> None:
    ours = model.pixel_values(tensors)["pixel_values"]
    theirs = torch.cat([model.run_processor([picture])["pixel_values"] for picture in pictures])
    off = (levels(model, ours) - levels(model, theirs)).abs()
    assert ours.shape == theirs.shape == (len(pictures), 3, 48, 48)
    assert off.max() < 1.01
    assert (off > 0.5).float().mean() <= 0.001


def test_pixels_carry_straight_through_gradients(model: LVLM, tensors: list[torch.Tensor]) -> None:
    """A resize keeps a constant, so the sum over output pixels has the gradient's sum known in advance."""
    for tensor in tensors:
        leaf = tensor.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(levels(model, model.pixel_values([leaf])["pixel_values"][0]).sum(), leaf)
        assert torch.isfinite(gradient).all() and gradient.abs().max() > 0
        torch.testing.assert_close(gradient.sum(), torch.tensor(3.0 * 48 * 48), rtol=1e-3, atol=0)


def test_every_picture_has_the_same_layout(model: LVLM, tensors: list[torch.Tensor]) -> None:
    assert set(model.layouts(tensors)) == {(48, 48)}
    assert model.image_tokens((48, 48)) == model.image_token * 36


def test_token_intensity_is_the_mean_of_the_patch_that_a_token_sees(llava: LVLM) -> None:
    patches = llava.model.model.vision_tower.embeddings.patch_embedding
    still = torch.zeros(1, 3, 48, 48)
    for y, x in ((0, 0), (7, 8), (20, 41), (47, 0)):
        delta = still.clone()
        delta[0, :, y, x] = torch.tensor([3.0, -6.0, 0.0])
        (rho,) = llava.token_intensity([delta[0]])
        seen = (patches(delta) - patches(still)).abs().sum(1).flatten()
        assert rho.shape == seen.shape == (36,)
        assert torch.equal(rho > 0, seen > 0)
        torch.testing.assert_close(rho.max(), torch.tensor(9.0 / 3 / 64))


def test_token_intensity_is_that_of_the_pixels_one_by_one(llava: LVLM) -> None:
    delta = torch.randn(3, 48, 48, generator=torch.Generator().manual_seed(0))
    expected = [delta[:, 8 * r : 8 * r + 8, 8 * c : 8 * c + 8].abs().mean() for r in range(6) for c in range(6)]
    torch.testing.assert_close(llava.token_intensity([delta, delta])[1], torch.stack(expected))


def test_no_positions_are_needed(llava: LVLM) -> None:
    encoded = llava.encode([Prompt("What?", "cat")], [(48, 48)])
    assert llava.position_inputs(encoded, [(48, 48)]) == {} and llava.generation_inputs(encoded, [(48, 48)]) == {}
