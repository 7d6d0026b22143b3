"""InternVL: tiles and text against its combined processor, the token order against the model's own pixel shuffle."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import InternVLProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.internvl import InternVL
from bench.lvlm.text import Prompt
from tests.bench.lvlm.families.tiny.internvl import plain, tiled


@pytest.fixture(scope="module")
def model() -> LVLM:
    """Up to four tiles of 32 pixels, 4 x 4 patches and four tokens each."""
    return tiled()


@pytest.fixture(scope="module")
def combined(model: LVLM) -> InternVLProcessor:
    """The processor that trainers call, without the part for videos, which needs torchvision.

    Its image processor says, as the published ones do, that it does not tile.
    """
    images = deepcopy(model.processor)
    images.crop_to_patches = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InternVLProcessor, "check_argument_for_proper_class", lambda *_: None)
        return InternVLProcessor(images, model.tokenizer, image_seq_length=4)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng([height, width]).integers(0, 256, (height, width, 3), dtype=np.uint8)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).permute(2, 0, 1).float()


@given(st.integers(1, 250), st.integers(1, 250))
@settings(max_examples=40, deadline=None)
def test_tiles_and_tokens_are_the_processors(model: LVLM, combined: InternVLProcessor, height: int, width: int) -> None:
    shown = combined.image_processor(
        images=picture(height, width), crop_to_patches=True, return_tensors="pt", input_data_format="channels_last"
    )
    count = int(shown["num_patches"][0])
    rows, columns = model.layout((height, width))
    assert count == rows * columns + (rows * columns > 1)
    assert count == combined.image_processor.get_number_of_image_patches(height, width, {"crop_to_patches": True})
    assert model.image_tokens((rows, columns)) == combined.replace_image_token({"num_patches": [count]}, 0)
    ours = model.preprocess(tensor(picture(height, width))[None])[0]
    torch.testing.assert_close(ours, shown["pixel_values"], rtol=0, atol=0.02)


@pytest.mark.parametrize(
    ("size", "layout"), [((40, 40), (1, 1)), ((64, 64), (2, 2)), ((30, 90), (1, 3)), ((99, 31), (3, 1))]
)
def test_tiles_have_the_pictures_shape(model: LVLM, size: tuple[int, int], layout: tuple[int, int]) -> None:
    assert model.layout(size) == layout
    assert plain().layout(size) == (1, 1)


@pytest.mark.parametrize("size", [(50, 40), (90, 41), (57, 120)])
def test_a_prompt_is_what_the_combined_processor_makes_of_the_chat_template(
    model: LVLM, combined: InternVLProcessor, size: tuple[int, int]
) -> None:
    """The combined processor tiles although the image processor's file says no, and so does this family."""
    turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}]
    text = model.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    theirs = combined(images=[picture(*size)], text=[text], return_tensors="pt")
    encoded = model.encode([Prompt("What is this?")], [model.layout(size)])
    assert torch.equal(encoded.ids, theirs["input_ids"])
    assert torch.equal(model.run_processor([picture(*size)])["pixel_values"], theirs["pixel_values"])
    assert "num_patches" not in theirs
    untiled = InternVL("untiled", "random", model.model, model.tokenizer, deepcopy(combined.image_processor))
    assert len(untiled.run_processor([picture(90, 41)])["pixel_values"]) == 3


@torch.no_grad()
def test_token_intensity_is_in_the_order_of_the_models_pixel_shuffle(model: LVLM) -> None:
    """A map of each patch's own mean |delta| goes through the model's shuffle; a token holds four of them."""
    delta = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    patches = delta.abs().mean(1).view(5, 4, 8, 4, 8).mean((2, 4))
    shuffled = model.model.model.pixel_shuffle(patches[..., None].repeat(1, 1, 1, 2), 0.5)
    (rho,) = model.token_intensity([delta])
    assert rho.shape == (20,)
    torch.testing.assert_close(rho, shuffled.reshape(20, -1).mean(1))


@torch.no_grad()
def test_a_pixel_changes_the_token_that_the_intensity_names(model: LVLM) -> None:
    """Without attention and with norms per patch, a pixel of a 64 x 64 picture reaches one tile's token and, through
    the thumbnail, another.
    """
    local = deepcopy(model)
    for layer in local.model.model.vision_tower.encoder.layer:
        layer.lambda_1.zero_()
    clean = torch.full((3, 64, 64), 90.0)
    for y, x in ((4, 4), (4, 44), (25, 13), (59, 20), (36, 60)):
        dotted = clean.clone()
        dotted[:, y, x] = 250
        before, after = (
            local.model.get_image_features(**local.pixel_values([p]), return_dict=True).pooler_output.flatten(0, 1)
            for p in (clean, dotted)
        )
        (rho,) = local.intensity([dotted], [clean])
        assert torch.equal(rho > 0, (before - after).abs().amax(1) > 0)
        tile, within = 2 * (y // 32) + x // 32, 2 * (y % 32 // 16) + x % 32 // 16
        assert int(rho[:16].argmax()) == 4 * tile + within
        assert int(rho[16:].argmax()) == 2 * (y // 32) + x // 32, "of the thumbnail"
        assert int((rho[:16] > 0).sum()) == 1


def test_tiles_of_each_picture_follow_one_another(model: LVLM) -> None:
    arrays = [picture(64, 64), picture(20, 20), picture(30, 90)]
    ours = model.pixel_values([tensor(a) for a in arrays])["pixel_values"]
    assert [len(model.run_processor([a])["pixel_values"]) for a in arrays] == [5, 1, 4]
    alone = torch.cat([model.pixel_values([tensor(a)])["pixel_values"] for a in arrays])
    assert torch.equal(ours, alone)


def test_question_and_answer_are_beyond_the_frame(model: LVLM) -> None:
    encoded = model.encode([Prompt("What?", "cat")], [(2, 2)])
    text = model.tokenizer.decode(encoded.ids[0])
    assert text == (
        f"<|im_start|>user\n<img>{'<IMG_CONTEXT>' * 20}</img>\nWhat?<|im_end|>\n<|im_start|>assistant\ncat<|im_end|>\n"
    )
    assert int(encoded.image.sum()) == 20
