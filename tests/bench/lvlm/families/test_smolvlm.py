"""SmolVLM and Idefics3: tiles, their tokens and their padding against the processors' own, and what a token sees."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Idefics3ImageProcessorPil, Idefics3Processor, SmolVLMImageProcessorPil, SmolVLMProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.smolvlm import SmolVLM
from bench.lvlm.text import Prompt
from tests.bench.lvlm.families.tiny import VARIANTS


@pytest.fixture(scope="module")
def smolvlm() -> LVLM:
    return VARIANTS["smolvlm"]()


@pytest.fixture(scope="module")
def idefics3() -> LVLM:
    return VARIANTS["idefics3"]()


def with_processor(model: LVLM, kind: Any = SmolVLMImageProcessorPil, **settings: Any) -> SmolVLM:
    """The same weights behind another image processor."""
    return SmolVLM("other", "random", model.model, model.tokenizer, kind(**settings))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng((height, width)).integers(0, 256, (height, width, 3), dtype=np.uint8)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1).float()


@given(
    st.sampled_from([SmolVLMImageProcessorPil, Idefics3ImageProcessorPil]),
    st.integers(1, 200),
    st.integers(1, 200),
    st.integers(20, 130),
    st.sampled_from([16, 32, 40]),
    st.booleans(),
)
@settings(max_examples=60)
def test_tiles_are_the_processors(
    smolvlm: LVLM, kind: Any, height: int, width: int, longest: int, tile: int, split: bool
) -> None:
    """Rows, columns and pixels, whether or not the longest edge is a multiple of the tile's side."""
    model = with_processor(
        smolvlm, kind, size={"longest_edge": longest}, max_image_size={"longest_edge": tile}, do_image_splitting=split
    )
    picture = noise(height, width)
    theirs = model.processor(
        images=[[picture]], return_row_col_info=True, return_tensors="pt", input_data_format="channels_last"
    )
    assert model.layout((height, width)) == (theirs["rows"][0][0], theirs["cols"][0][0])
    ours = model.pixel_values([tensor(picture)])
    assert torch.equal(ours["pixel_attention_mask"], theirs["pixel_attention_mask"])
    torch.testing.assert_close(ours["pixel_values"], theirs["pixel_values"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("layout", [(0, 0), (1, 2), (3, 1), (2, 3)])
def test_a_picture_reads_as_both_processors_have_it(smolvlm: LVLM, layout: tuple[int, int]) -> None:
    """Against the processors' own replacement methods; SmolVLM's cannot be built without num2words."""
    told = {"rows": [[layout[0]]], "cols": [[layout[1]]]}
    names: dict[str, Any] = {
        "fake_image_token": "<fake_token_around_image>", "image_token": "<image>", "image_seq_len": 4,
        "global_image_token": "<global-img>", "global_image_tag": "<global-img>",
    }  # fmt: skip
    for processor in (SmolVLMProcessor, Idefics3Processor):
        expected = processor.replace_image_token(SimpleNamespace(**names), told, 0)
        assert smolvlm.image_tokens(layout) == expected


def test_prompts_are_those_of_the_combined_processor(idefics3: LVLM) -> None:
    combined = Idefics3Processor(idefics3.processor, idefics3.tokenizer, image_seq_len=4)
    arrays = [noise(37, 51), noise(90, 20), noise(8, 100)]
    turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}]
    text = idefics3.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    theirs = combined(
        text=[text] * 3, images=[[a] for a in arrays], padding=True, padding_side="left", return_tensors="pt",
        add_special_tokens=False,
    )  # fmt: skip
    layouts = [idefics3.layout(a.shape[:2]) for a in arrays]
    assert len(set(layouts)) == 3
    ours = idefics3.encode([Prompt("What is this?")] * 3, layouts, left=True)
    assert torch.equal(ours.ids, theirs["input_ids"])
    assert torch.equal(ours.mask.long(), theirs["attention_mask"])
    shown = idefics3.pixel_values([tensor(a) for a in arrays])
    assert shown.keys() == theirs.keys() - {"input_ids", "attention_mask"}
    torch.testing.assert_close(shown["pixel_values"], theirs["pixel_values"], rtol=0, atol=1e-5)


def test_the_answer_begins_with_the_space_after_assistant(smolvlm: LVLM) -> None:
    """The generation prompt ends in a colon, so that is what the model has to write after it."""
    asked, told = (smolvlm.encode([Prompt("What is it?", answer)], [(0, 0)]) for answer in ("", "cat"))
    decode = smolvlm.tokenizer.decode
    assert decode(told.ids[told.answer]) == " cat<end_of_utterance>"
    assert torch.equal(told.ids[0][: asked.ids.shape[1]], asked.ids[0])
    assert decode(asked.ids[0]).endswith("<end_of_utterance>\nAssistant:")


@torch.no_grad()
@pytest.mark.parametrize("name", ["smolvlm", "idefics3"])
def test_a_batch_is_padded_with_tiles_that_the_model_drops(name: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    arrays = [noise(40, 90), noise(60, 60), noise(3, 90)]
    counts = [rows * columns + 1 for rows, columns in (model.layout(a.shape[:2]) for a in arrays)]
    assert len(set(counts)) == 3
    batch = model.collate([model.run_processor([a]) for a in arrays])
    assert batch["pixel_values"].shape[:2] == (3, max(counts))
    for i, count in enumerate(counts):
        assert not batch["pixel_values"][i, count:].any() and not batch["pixel_attention_mask"][i, count:].any()
        assert batch["pixel_attention_mask"][i, :count].all()
    features = model.model.get_image_features(**batch, return_dict=True).pooler_output
    assert [len(f) for f in features] == [4 * count for count in counts]
    (alone,) = model.model.get_image_features(**model.run_processor(arrays[1:2]), return_dict=True).pooler_output
    torch.testing.assert_close(features[1], alone)


def test_a_tokens_intensity_is_of_the_pixels_that_it_sees() -> None:
    """Without attention between patches, a token's features depend on its own pixels only; the gradient says which."""
    model = VARIANTS["smolvlm"]()
    for layer in model.model.model.vision_model.encoder.layers:
        layer.self_attn.out_proj.requires_grad_(False).weight.zero_()
    pixels = model.preprocess(tensor(noise(40, 90))[None]).requires_grad_(True)
    (features,) = model.model.get_image_features(pixels, return_dict=True).pooler_output
    assert len(features) == 4 * (2 * 3 + 1)
    for token in (0, 1, 6, 13, 27):
        (gradient,) = torch.autograd.grad(features[token].square().sum(), pixels, retain_graph=True)
        (rho,) = model.token_intensity([gradient[0]])
        assert rho.nonzero().flatten().tolist() == [token]
        assert (gradient != 0).sum() == 3 * 16 * 16, "all of its pixels, in one tile"


@torch.no_grad()
def test_a_change_in_one_corner_is_found_in_its_tile_and_in_the_global_picture(smolvlm: LVLM) -> None:
    clean = tensor(noise(96, 96))
    changed = clean.clone()
    changed[:, 64:, :32] = 255 - changed[:, 64:, :32]
    (rho,) = smolvlm.intensity([changed], [clean])
    by_tile = rho.view(10, 4)
    assert by_tile[6].min() > 0.1, "third row, first column"
    assert by_tile[9].argmax() == 2, "bottom left of the global picture"
    assert not by_tile[[0, 1, 2, 3, 4, 5, 7, 8]].any()


def test_the_published_settings_give_64_tokens_a_tile(smolvlm: LVLM) -> None:
    """SmolVLM-256M: longest edge 2048, tiles of 512 and one more; a square picture is 17 tiles."""
    model = with_processor(smolvlm, size={"longest_edge": 2048}, max_image_size={"longest_edge": 512})
    assert model.layout((512, 512)) == model.layout((64, 64)) == (4, 4)
    assert model.layout((300, 1200)) == (1, 4)
    published = SimpleNamespace(vision_config=SimpleNamespace(patch_size=16), scale_factor=4)
    model.model = SimpleNamespace(config=published)
    assert model.image_tokens((4, 4)).count("<image>") == 17 * 64
