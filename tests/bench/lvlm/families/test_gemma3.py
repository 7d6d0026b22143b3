"""Gemma 3: crops, their text, attention masks, and the projector's matrix, against transformers' own."""

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import get_peft_model
from transformers import DynamicCache, Gemma3Processor
from transformers.models.gemma3.modeling_gemma3 import (
    create_masks_for_vision_model,
    get_block_sequence_ids_for_mask,
)

from bench.lvlm.adapters import lora_config, use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from tests.bench.lvlm.families.tiny.gemma3 import VARIANTS

SQUARE, LONG, HIGH = (40, 44), (40, 170), (99, 33)


@cache
def tiny(variant: str) -> LVLM:
    """A tiny model, the same for all tests."""
    return VARIANTS[variant]()


@pytest.fixture
def plain() -> LVLM:
    """Without pan and scan."""
    return tiny("gemma3")


@pytest.fixture
def scanning() -> LVLM:
    """With pan and scan."""
    return tiny("gemma3-pan-and-scan")


def theirs(lvlm: LVLM) -> Gemma3Processor:
    """transformers' combined processor around the same parts."""
    return Gemma3Processor(
        lvlm.processor, lvlm.tokenizer, lvlm.tokenizer.chat_template, lvlm.model.config.mm_tokens_per_image
    )


def black(size: tuple[int, int]) -> np.ndarray:
    return np.zeros((*size, 3), np.uint8)


@given(st.integers(1, 200), st.integers(1, 200))
def test_the_layout_counts_the_processors_pictures(height: int, width: int) -> None:
    for lvlm, most in ((tiny("gemma3"), 1), (tiny("gemma3-pan-and-scan"), 5)):
        own = lvlm.processor(images=[black((height, width))], return_tensors="np", input_data_format="channels_last")
        (pictures,) = lvlm.layout((height, width))
        assert pictures == len(own["pixel_values"]) == 1 + own["num_crops"][0] <= most


def test_long_pictures_are_cropped_and_square_ones_are_not(scanning: LVLM) -> None:
    assert [scanning.layout(size) for size in (SQUARE, LONG, HIGH)] == [(1,), (5,), (4,)]


@pytest.mark.parametrize("size", [SQUARE, LONG, HIGH])
@pytest.mark.parametrize("variant", VARIANTS)
def test_tokens_are_those_of_the_combined_processor(variant: str, size: tuple[int, int]) -> None:
    """From the chat template to ids and token types."""
    lvlm = tiny(variant)
    turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}]
    text = lvlm.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    # The combined processor does not ask its image processor whether to pan and scan: it must be told.
    scan = {key: value for key, value in lvlm.processor.to_dict().items() if "pan_and_scan" in key and value}
    own = theirs(lvlm)(images=[black(size)], text=[text], return_tensors="pt", add_special_tokens=False, **scan)
    layout = lvlm.layout(size)
    encoded = lvlm.encode([Prompt("What is this?")], [layout])
    assert torch.equal(encoded.ids, own["input_ids"])
    assert torch.equal(lvlm.position_inputs(encoded, [layout])["token_type_ids"], own["token_type_ids"])
    assert int(encoded.image.sum()) == 4 * layout[0]


def test_the_sentence_is_the_processors_own(scanning: LVLM) -> None:
    """The processor's method on its own arguments, for more crops than the pictures here have."""
    tokens = scanning.image_token * scanning.model.config.mm_tokens_per_image
    stand_in = SimpleNamespace(full_image_sequence=f"\n\n<start_of_image>{tokens}<end_of_image>\n\n")
    for crops in (0, 2, 3, 7):
        told = Gemma3Processor.replace_image_token(stand_in, {"num_crops": [crops]}, 0)
        assert scanning.image_tokens((1 + crops,)) == told


def seen(lvlm: LVLM, size: tuple[int, int], prefixed: bool) -> dict[str, torch.Tensor]:
    """Return transformers' own masks of each kind of layer, (T, T) bool: the keys that each query sees."""
    encoded = lvlm.encode([Prompt("What is this?", "cat")], [lvlm.layout(size)])
    types = lvlm.position_inputs(encoded, [lvlm.layout(size)])["token_type_ids"]
    config = lvlm.model.config.text_config
    start = int(encoded.image[0].nonzero().max()) + 1 if prefixed else 0
    cache = DynamicCache()
    if prefixed:
        empty = torch.zeros(1, config.num_key_value_heads, start, config.head_dim)
        for layer in range(config.num_hidden_layers):
            cache.update(empty, empty, layer)
    tail = lvlm.tail_inputs({"token_type_ids": types}, start)["token_type_ids"]
    masks = create_masks_for_vision_model(
        config=config,
        inputs_embeds=torch.zeros(1, encoded.ids.shape[1] - start, config.hidden_size),
        attention_mask=encoded.mask.long(),
        past_key_values=cache,
        position_ids=None,
        block_sequence_ids=get_block_sequence_ids_for_mask(tail),
    )
    return {kind: mask[0, 0] for kind, mask in masks.items()}


@pytest.mark.parametrize("size", [SQUARE, LONG])
def test_tokens_of_one_picture_see_each_other_and_no_later_picture(scanning: LVLM, size: tuple[int, int]) -> None:
    encoded = scanning.encode([Prompt("What is this?", "cat")], [scanning.layout(size)])
    places = encoded.image[0].nonzero().squeeze(1).view(-1, 4)
    masks = seen(scanning, size, prefixed=False)
    length = encoded.ids.shape[1]
    row, column = torch.arange(length)[:, None], torch.arange(length)[None]
    expected = column <= row
    for picture in places:
        expected[picture[:, None], picture] = True
    assert torch.equal(masks["full_attention"], expected)
    window = scanning.model.config.text_config.sliding_window
    assert torch.equal(masks["sliding_attention"], expected & (column > row - window))
    assert not torch.equal(masks["sliding_attention"], masks["full_attention"]), "the window is shorter than the text"


@pytest.mark.parametrize("size", [SQUARE, LONG])
def test_after_a_prefix_every_token_sees_what_it_saw(scanning: LVLM, size: tuple[int, int]) -> None:
    whole, tail = (seen(scanning, size, prefixed=p) for p in (False, True))
    for kind, mask in tail.items():
        assert torch.equal(mask, whole[kind][-len(mask) :])


@torch.no_grad()
def test_a_prefix_of_several_pictures_gives_the_same_loss(scanning: LVLM) -> None:
    image = torch.rand(3, *LONG, generator=torch.Generator().manual_seed(0)) * 255
    encoded = scanning.encode([Prompt("What is this?", "cat")], [scanning.layout(LONG)])
    with_prefix = scanning.forward(encoded, [image], prefix=scanning.compute_prefix(encoded, [image])).loss
    torch.testing.assert_close(with_prefix, scanning.loss(encoded, [image]), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_loss_would_be_another_if_pictures_were_read_in_one_direction(plain: LVLM) -> None:
    image = torch.rand(3, *SQUARE, generator=torch.Generator().manual_seed(0)) * 255
    encoded = plain.encode([Prompt("What is this?", "cat")], [(1,)])
    causal = plain.forward_inputs(encoded, plain.pixel_values([image])).loss
    assert (causal - plain.loss(encoded, [image])).abs() > 1e-3


@pytest.mark.parametrize(("y", "x", "expected"), [(0, 0, {0, 4}), (39, 169, {3, 19}), (5, 60, {0, 9 - 1})])
def test_intensity_is_that_of_the_picture_and_of_its_crop(scanning: LVLM, y: int, x: int, expected: set[int]) -> None:
    """LONG is cropped into four of 43 columns; a token sees 24 x 24 of 48 x 48."""
    clean = torch.zeros(1, 3, *LONG)
    dotted = clean.clone()
    dotted[:, :, y, x] = 255
    delta = (scanning.preprocess(dotted) - scanning.preprocess(clean))[0]
    (rho,) = scanning.token_intensity([delta])
    assert set(rho.nonzero().squeeze(1).tolist()) == expected
    seen_by = delta.abs().view(5, 3, 2, 24, 2, 24).mean((1, 3, 5)).flatten()
    torch.testing.assert_close(rho, seen_by)


def test_an_adapter_of_the_projection_matrix_is_loaded_from_its_file(plain: LVLM, tmp_path: Path) -> None:
    image = torch.rand(3, *SQUARE, generator=torch.Generator().manual_seed(0)) * 255
    encoded = plain.encode([Prompt("What is this?", "cat")], [(1,)])

    @torch.no_grad()
    def loss() -> torch.Tensor:
        return plain.loss(encoded, [image])

    before = loss()
    peft = get_peft_model(plain.model, lora_config(plain, 4, "projector"))
    trained = [p for p in peft.parameters() if p.requires_grad]
    assert {tuple(p.shape) for p in trained} == {(4, 48), (32, 4)}
    with torch.no_grad():
        for parameter in trained:
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    changed = loss()
    peft.save_pretrained(tmp_path)
    peft.unload()
    assert (changed - before).abs() > 1e-3
    with use_adapter(plain, tmp_path):
        assert torch.equal(loss(), changed)
    assert torch.equal(loss(), before)
