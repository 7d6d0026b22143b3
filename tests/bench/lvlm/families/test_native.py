"""Qwen2-VL's descendants: layouts, tokens, places and positions against the processors and the models' own index."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import trl
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import Glm4vProcessor, Qwen2_5_VLProcessor, Qwen3VLProcessor

from bench.errors import UserError
from bench.lvlm.families.native import NativeResolution
from bench.lvlm.text import Prompt
from tests.bench.lvlm.families.tiny import VARIANTS

PROCESSORS: dict[str, Any] = {
    "qwen3_vl": Qwen3VLProcessor,
    "qwen2_5_vl": Qwen2_5_VLProcessor,
    "glm4v": Glm4vProcessor,
}
SIZES = ((37, 51), (301, 223), (64, 64), (97, 333), (1, 1), (150, 2))


def blank(height: int, width: int) -> np.ndarray:
    """A black picture."""
    return np.zeros((height, width, 3), np.uint8)


def levels(picture: np.ndarray) -> torch.Tensor:
    """(1, 3, H, W) float levels."""
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float()


@pytest.fixture(scope="module")
def models() -> dict[str, NativeResolution]:
    """One tiny model of each family."""
    built = {name: VARIANTS[name]() for name in PROCESSORS}
    return {name: model for name, model in built.items() if isinstance(model, NativeResolution)}


@pytest.fixture(params=PROCESSORS)
def family(request: pytest.FixtureRequest) -> str:
    """Each family in turn."""
    return str(request.param)


@pytest.fixture
def model(family: str, models: dict[str, NativeResolution]) -> NativeResolution:
    """Its model."""
    return models[family]


@given(family=st.sampled_from(list(PROCESSORS)), height=st.integers(1, 300), width=st.integers(1, 300))
def test_layout_and_tokens_are_those_of_the_processors_grid(
    models: dict[str, NativeResolution], family: str, height: int, width: int
) -> None:
    model = models[family]
    try:
        grid = model.run_processor([blank(height, width)])["image_grid_thw"][0]
    except ValueError:
        with pytest.raises(UserError, match=f"{height} x {width}"):
            model.layout((height, width))
        return
    patch = model.processor.patch_size
    layout = model.layout((height, width))
    assert layout == (patch * grid[1], patch * grid[2])
    assert model.image_tokens(layout) == model.image_token * (int(grid.prod()) // model.processor.merge_size**2)


def test_a_strip_that_the_processor_refuses_is_a_clear_error(model: NativeResolution) -> None:
    """Processor and layout accept a ratio of 200 to 1, and refuse a larger one."""
    for taken in ((1, 200), (400, 2)):
        model.run_processor([blank(*taken)])
        model.layout(taken)
    for refused in ((1, 201), (403, 2)):
        with pytest.raises(ValueError):
            model.run_processor([blank(*refused)])
        with pytest.raises(UserError, match=rf"picture: {refused[0]} x {refused[1]} pixels .*allowed.* 200 times"):
            model.layout(refused)
        with pytest.raises(UserError, match="200 times"):
            model.pixel_values([levels(blank(*refused))[0]])


def test_the_placeholder_is_expanded_as_the_combined_processor_does(family: str, model: NativeResolution) -> None:
    grids = {"image_grid_thw": model.run_processor([blank(*size) for size in SIZES])["image_grid_thw"].numpy()}
    combined = SimpleNamespace(image_processor=model.processor, image_token=model.image_token)
    counts = set()
    for i, size in enumerate(SIZES):
        told = PROCESSORS[family].replace_image_token(combined, grids, image_idx=i)
        assert model.image_tokens(model.layout(size)) == told
        counts.add(len(told))
    assert len(counts) >= 3, "the sizes give several layouts"


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_positions_are_the_models_own(model: NativeResolution, left: bool) -> None:
    prompts = [Prompt("What is this?" + " please" * i, "cat" * (6 - i)) for i in range(len(SIZES))]
    layouts = [model.layout(size) for size in SIZES]
    encoded = model.encode(prompts, layouts, left=left)
    ours = model.position_inputs(encoded, layouts)["position_ids"]
    theirs, _ = model.model.model.get_rope_index(
        input_ids=encoded.ids,
        image_grid_thw=model.run_processor([blank(*size) for size in SIZES])["image_grid_thw"],
        attention_mask=encoded.mask.long(),
        **model.generation_inputs(encoded, layouts),
    )
    assert (~encoded.mask).any(1).sum() == len(SIZES) - 1, "all but the longest are padded"
    assert torch.equal(ours[:, encoded.mask], theirs[:, encoded.mask])
    assert ours.min() >= 0


def test_token_intensity_is_that_of_the_patches_of_a_token(model: NativeResolution) -> None:
    """In the processor's own order: `merge_size` squared neighbouring rows of `pixel_values` are one token."""
    side, merged = model.token_side, model.processor.merge_size**2
    black = blank(3 * side, 4 * side)
    assert model.layout(black.shape[:2]) == black.shape[:2], "no resizing blurs the dot"
    for y, x in ((0, 0), (side - 1, side), (2 * side + 1, 3 * side - 1), (3 * side - 1, 4 * side - 1)):
        dotted = black.copy()
        dotted[y, x] = (30, 0, 60)
        before, after = (model.run_processor([p])["pixel_values"] for p in (black, dotted))
        seen = (after - before).abs().sum(1).view(-1, merged).sum(1) > 0
        (rho,) = model.token_intensity([(model.preprocess(levels(dotted)) - model.preprocess(levels(black)))[0]])
        assert torch.equal(rho > 0, seen) and seen.nonzero().tolist() == [[y // side * 4 + x // side]]
        expected = (30 / model.processor.image_std[0] + 60 / model.processor.image_std[2]) / 255 / 3 / side**2
        torch.testing.assert_close(rho.max(), torch.tensor(expected))


def test_adapters_reach_every_linear_layer_of_one_part_each(model: NativeResolution) -> None:
    parts = (model.language_modules, model.projector_modules, model.tower_modules)
    linear = {name for name, module in model.model.named_modules() if isinstance(module, nn.Linear)}
    claims = {name: [bool(re.fullmatch(part, name)) for part in parts] for name in linear - {"lm_head"}}
    assert all(sum(claim) == 1 for claim in claims.values()), claims
    for name, (language, projector, tower) in claims.items():
        assert (
            language == ("language_model" in name) and projector == ("merger" in name) and tower == (".blocks" in name)
        )


def test_the_towers_parameters_are_all_but_the_mergers(model: NativeResolution) -> None:
    for name, _ in model.model.named_parameters():
        assert name.startswith(model.tower_prefixes) == (name.startswith("model.visual.") and "merger" not in name)


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl"])
def test_a_conversation_reads_as_by_the_published_template(family: str, model: NativeResolution) -> None:
    """TRL carries the templates of the real checkpoints."""
    published = (Path(trl.__file__).parent / "chat_templates" / f"{family}.jinja").read_text()
    asked = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}
    told = {"role": "assistant", "content": [{"type": "text", "text": "a cat"}]}
    for turns, prompt in (([asked], Prompt("What is this?")), ([asked, told], Prompt("What is this?", "a cat"))):
        text = model.tokenizer.apply_chat_template(
            turns, chat_template=published, tokenize=False, add_generation_prompt=len(turns) == 1
        )
        assert model.text.render(prompt)[0] == text
