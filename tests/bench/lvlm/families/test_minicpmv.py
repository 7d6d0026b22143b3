"""MiniCPM-V: slices and their text against the processor, packed patches, padding, and the recurrent layers' states."""

from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import DynamicCache, MiniCPMV4_6ImageProcessorPil, MiniCPMV4_6Processor

from bench.lvlm.base import LVLM
from bench.lvlm.families.minicpmv import MiniCPMV
from bench.lvlm.text import Prompt
from tests.bench.lvlm.families.tiny.minicpmv import build

PROMPTS = [Prompt("What is this?", "cat"), Prompt("And which of the many objects is it?", "a red bicycle")]


@pytest.fixture(scope="module")
def model() -> LVLM:
    return build()


def with_processor(model: LVLM, **settings: Any) -> MiniCPMV:
    """The same weights behind another image processor."""
    return MiniCPMV("other", "random", model.model, model.tokenizer, MiniCPMV4_6ImageProcessorPil(**settings))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng((height, width)).integers(0, 256, (height, width, 3), dtype=np.uint8)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1).float()


@given(
    st.integers(1, 130),
    st.integers(1, 130),
    st.sampled_from([16, 32, 45]),
    st.integers(1, 9),
    st.sampled_from(["16x", "4x"]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60)
def test_slices_patches_and_text_are_the_processors(
    model: LVLM, height: int, width: int, resolution: int, most: int, downsample: str, sliced: bool, numbered: bool
) -> None:
    other = with_processor(
        model, scale_resolution=resolution, patch_size=4, max_slice_nums=most, downsample_mode=downsample,
        slice_mode=sliced, use_image_id=numbered,
    )  # fmt: skip
    picture = noise(height, width)
    theirs = other.processor(images=[picture], return_tensors="pt", input_data_format="channels_last")
    ours, layout = other.pixel_values([tensor(picture)]), other.layout((height, width))
    assert list(layout[:2]) == list(theirs["grids"][0])
    assert torch.equal(ours["target_sizes"], theirs["target_sizes"])
    torch.testing.assert_close(ours["pixel_values"], theirs["pixel_values"], rtol=0, atol=1e-5)
    assert other.image_tokens(layout) == processors_text(theirs, downsample, sliced, numbered)


def processors_text(theirs: Any, downsample: str, sliced: bool, numbered: bool) -> str:
    """Its own methods; the whole processor needs a video processor, and that torchvision."""
    names = SimpleNamespace(
        slice_mode=sliced, image_token="<|image_pad|>", image_start_token="<image>", image_end_token="</image>",
        slice_start_token="<slice>", slice_end_token="</slice>", image_id_start_token="<image_id>",
        image_id_end_token="</image_id>",
    )  # fmt: skip
    divisor = 4 if downsample == "4x" else 16
    text = MiniCPMV4_6Processor.replace_image_token(names, theirs, 0, image_token_divisor=divisor)
    if numbered:
        (text,) = MiniCPMV4_6Processor._prepend_local_ids(names, ["<|image_pad|>"], [text], "<|image_pad|>")
    return text


@pytest.mark.parametrize("downsample", ["16x", "4x"])
@torch.no_grad()
def test_the_model_takes_as_many_tokens_as_the_text_has(downsample: str) -> None:
    lvlm = build(downsample)
    arrays = [noise(90, 41), noise(30, 30), noise(57, 120)]
    layouts = [lvlm.layout(a.shape[:2]) for a in arrays]
    assert [layout[:2] for layout in layouts] == [(3, 1), (0, 0), (2, 3)]
    features = lvlm.model.get_image_features(**lvlm.pixel_values([tensor(a) for a in arrays])).pooler_output
    parts = iter(len(part) for part in features)
    counts = [sum(islice(parts, 1 + rows * columns)) for rows, columns, *_ in layouts]
    assert counts == [lvlm.image_tokens(layout).count("<|image_pad|>") for layout in layouts]
    assert next(parts, None) is None


@pytest.mark.parametrize("downsample", ["16x", "4x"])
def test_a_tokens_intensity_is_of_the_pixels_that_it_sees(downsample: str) -> None:
    """Without attention between patches, a token's features depend on its own pixels only; the gradient says which."""
    lvlm = build(downsample)
    tower = lvlm.model.model.vision_tower
    for module in (*tower.encoder.layers, tower.vit_merger):
        module.self_attn.out_proj.weight.zero_()
    picture = tensor(noise(57, 120))
    seen = lvlm.preprocess(picture[None])[0].requires_grad_(True)
    inputs = lvlm._pack(seen, lvlm.layout((57, 120)))
    features = torch.cat(lvlm.model.get_image_features(**inputs).pooler_output)
    assert len(features) == len(seen)
    for token in (0, 1, 5, len(seen) // 2, len(seen) - 1):
        (gradient,) = torch.autograd.grad(features[token].square().sum(), seen, retain_graph=True)
        (rho,) = lvlm.token_intensity([gradient])
        assert rho.nonzero().flatten().tolist() == [token]
        assert (gradient[token] != 0).all()


@torch.no_grad()
def test_a_change_in_one_corner_is_found_in_the_overview_and_in_its_slice(model: LVLM) -> None:
    clean = tensor(noise(64, 64))
    changed = clean.clone()
    changed[:, 48:, :16] = 255 - changed[:, 48:, :16]
    assert model.layout((64, 64)) == (2, 2, 2, 2, 2, 2)
    (rho,) = model.intensity([changed], [clean])
    assert rho[:4].argmax() == 2 and (rho[:4].sort().values[-2] < rho[2] / 2)
    slices = rho[4:].view(4, 4)
    assert slices[2].argmax() == 2 and slices[2, 2] > 0.1 and not slices[[0, 1, 3]].any()


def test_only_attention_layers_can_be_bound(model: LVLM) -> None:
    layers = model.model.model.language_model.layers
    with_attention = [i for i, layer in enumerate(layers) if hasattr(layer, "self_attn")]
    assert list(model.attention_layers) == with_attention == [1, 3]


def prefixed(model: LVLM) -> tuple[Any, list[torch.Tensor], torch.Tensor]:
    """A batch, its pictures, and a leaf of the embeddings of what follows the pictures."""
    images = [tensor(noise(30, 40)), tensor(noise(30, 41))]
    encoded = model.encode(PROMPTS, model.layouts(images))
    return encoded, images, model.embedding(encoded.ids).detach().requires_grad_(True)


def test_a_prefix_gives_gradients_and_is_read_again_and_again(model: LVLM) -> None:
    encoded, images, embeds = prefixed(model)
    prefix = model.compute_prefix(encoded, images)
    tail = embeds.detach()[:, prefix.length :].requires_grad_(True)
    first, second = (model.forward(encoded, images, prefix=prefix, inputs_embeds=tail).loss for _ in range(2))
    assert torch.equal(first, second)
    (gradient,) = torch.autograd.grad(second.sum(), tail)
    features = torch.cat(model.model.get_image_features(**model.pixel_values(images)).pooler_output)
    placed = embeds.masked_scatter(encoded.image[..., None], features)
    (expected,) = torch.autograd.grad(model.forward_inputs(encoded, {}, inputs_embeds=placed).loss.sum(), embeds)
    torch.testing.assert_close(gradient, expected[:, prefix.length :], rtol=1e-3, atol=1e-4)


def test_transformers_own_cache_could_not_be_a_prefix(model: LVLM) -> None:
    """Its recurrent states are overwritten in place. Once they are not, `RecurrentState` can go."""
    encoded, images, embeds = prefixed(model)
    cache = DynamicCache(config=model.model.config)
    length = int(encoded.image[0].nonzero().max()) + 1
    head = encoded.columns(0, length)
    pixels = model.pixel_values(images)
    with torch.no_grad():
        model.model.model(
            input_ids=head.ids, attention_mask=head.mask.long(), past_key_values=cache, use_cache=True, **pixels
        )
    before = cache.layers[0].recurrent_states[0].clone()
    inputs = {"attention_mask": encoded.mask.long(), "past_key_values": cache}
    tail = encoded.columns(length)
    loss = model.forward_inputs(tail, inputs, inputs_embeds=embeds[:, length:]).loss
    assert not torch.equal(cache.layers[0].recurrent_states[0], before)
    with pytest.raises(RuntimeError, match="inplace operation"):
        torch.autograd.grad(loss.sum(), embeds)


@torch.no_grad()
def test_padding_on_the_left_leaves_no_trace_in_the_recurrent_states(model: LVLM) -> None:
    """transformers zeroes padded tokens before a recurrent layer, so batches of unequal lengths are safe."""
    images = [tensor(noise(30, 40)), tensor(noise(90, 41))]
    layouts = model.layouts(images)
    both = model.encode(PROMPTS, layouts, left=True)
    alone = model.encode(PROMPTS[:1], layouts[:1])
    assert not both.mask[0, :20].any()
    kept = []
    for encoded, shown in ((both, images), (alone, images[:1])):
        cache = model.make_cache()
        model.model.model(
            input_ids=encoded.ids, attention_mask=encoded.mask.long(), past_key_values=cache, use_cache=True,
            **model.pixel_values(shown),
        )  # fmt: skip
        kept.append([cache.layers[i] for i in (0, 2)])
    for padded, single in zip(*kept, strict=True):
        torch.testing.assert_close(padded.values[:1], single.values, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(padded.keys[:1], single.keys, rtol=1e-3, atol=1e-4)


def test_the_published_settings_give_196_tokens_for_a_square_of_512(model: LVLM) -> None:
    """An overview of 8 x 8 tokens, and two slices, one above the other, of 6 x 11."""
    published = with_processor(model)
    assert published.layout((512, 512)) == (2, 1, 8, 8, 6, 11)
    assert published.image_tokens(published.layout((512, 512))).count("<|image_pad|>") == 196
    assert published.layout((448, 448)) == published.layout((64, 64)) == (0, 0, 8, 8, 0, 0)
