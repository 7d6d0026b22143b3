"""Llama 3.2 Vision: tiles, masks and answers against the processor and the combined processor; what cross-attention
changes for prefixes, binding and training."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import MllamaProcessor

from attacks import REGISTRY
from attacks.tune.inputs import Inputs
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.lvlm.attention import Recorder
from bench.lvlm.base import LVLM
from bench.lvlm.text import DATE, Prompt
from bench.samples import Sample, SampleSet
from bench.spec import Method
from defenses.mmguard.binding import perturbed_tokens
from tests.bench.lvlm.families.tiny.mllama import build

TILE = 28
SIZES = ((20, 25), (28, 90), (150, 2), (64, 64), (301, 223))
"""One tile, four in a row, four in a column, two by two, two by two of a larger picture."""
PROMPTS = [Prompt("What is this?" + " please" * i, "cat" * (5 - i)) for i in range(len(SIZES))]


@pytest.fixture(scope="module")
def model() -> Iterator[LVLM]:
    """A model with random weights, which no test may change."""
    lvlm = build()
    before = {key: value.clone() for key, value in lvlm.model.state_dict().items()}
    yield lvlm
    after = lvlm.model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)


def noise(*size: int) -> np.ndarray:
    """(H, W, 3) uint8."""
    return np.random.default_rng(sum(size)).integers(0, 256, (*size, 3), dtype=np.uint8)


ARRAYS = [noise(*size) for size in SIZES]


def tensor(array: np.ndarray) -> torch.Tensor:
    """(3, H, W) float levels."""
    return torch.from_numpy(array).permute(2, 0, 1).float()


TENSORS = [tensor(array) for array in ARRAYS]


@given(st.integers(1, 200), st.integers(1, 200))
def test_tiles_are_the_processors(model: LVLM, height: int, width: int) -> None:
    """Number, positions and values of the tiles."""
    array = noise(height, width)
    rows, columns = model.layout((height, width))
    theirs = model.processor(images=[[array]], return_tensors="pt", input_data_format="channels_last")
    ours = model.pixel_values([tensor(array)])
    assert theirs["num_tiles"] == [[rows * columns]]
    assert model.preprocess(tensor(array)[None]).shape == (1, 3, rows * TILE, columns * TILE)
    assert torch.equal(ours["aspect_ratio_ids"], theirs["aspect_ratio_ids"])
    assert torch.equal(ours["aspect_ratio_mask"], theirs["aspect_ratio_mask"])
    off = (ours["pixel_values"] - theirs["pixel_values"]).abs() * 255 * max(model.processor.image_std)
    assert off.max() < 1.01 and (off > 0.5).float().mean() <= 0.001


def test_the_sizes_give_all_kinds_of_layouts(model: LVLM) -> None:
    assert model.layouts(TENSORS) == [(1, 1), (1, 4), (4, 1), (2, 2), (2, 2)]


def test_the_rest_of_the_canvas_is_black_and_missing_tiles_are_zero(model: LVLM) -> None:
    """Black before normalisation, zero after it."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (model.processor.image_mean, model.processor.image_std))
    black = (-mean / std).expand(3, TILE, TILE)
    for pixels in (model.pixel_values(TENSORS[:2]), model.run_processor(ARRAYS[:2])):
        small, wide = pixels["pixel_values"][:, 0]
        assert not small[1:].any() and small[0].any()
        torch.testing.assert_close(small[0, :, 23:], black[:, 23:])
        torch.testing.assert_close(wide[3, :, :, 6:], black[:, :, 6:])


def reference(model: LVLM, prompts: list[Prompt], *, answered: bool, left: bool) -> dict[str, torch.Tensor]:
    """Return the outputs of Hugging Face's combined processor for the same conversations."""
    turns = [
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": p.question}]}]
        + [{"role": "assistant", "content": [{"type": "text", "text": p.answer}]}] * answered
        for p in prompts
    ]
    texts = model.tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=not answered, date_string=DATE
    )
    return MllamaProcessor(model.processor, model.tokenizer)(
        images=[[array] for array in ARRAYS], text=texts, padding=True, padding_side="left" if left else "right",
        add_special_tokens=False, input_data_format="channels_last", return_tensors="pt",
    )  # fmt: skip


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_ids_and_masks_are_the_combined_processors(model: LVLM, left: bool) -> None:
    theirs = reference(model, PROMPTS, answered=True, left=left)
    layouts = model.layouts(TENSORS)
    encoded = model.encode(PROMPTS, layouts, left=left)
    assert not encoded.mask.all()
    assert torch.equal(encoded.ids, theirs["input_ids"])
    assert torch.equal(encoded.mask.long(), theirs["attention_mask"])
    ours = model.position_inputs(encoded, layouts)["cross_attention_mask"]
    assert torch.equal(ours, theirs["cross_attention_mask"]) and ours.dtype == theirs["cross_attention_mask"].dtype
    assert {*theirs} == {"input_ids", "attention_mask", "cross_attention_mask", *model.run_processor(ARRAYS[:1])}
    for key, value in model.run_processor(ARRAYS).items():
        assert torch.equal(value, theirs[key])


def test_answers_are_those_to_the_combined_processors_inputs(model: LVLM) -> None:
    inputs = reference(model, PROMPTS, answered=False, left=True)
    ids = model.model.generate(**inputs, max_new_tokens=6, do_sample=False, eos_token_id=model.text.stops)
    answers = model.tokenizer.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert model.generate([p.question for p in PROMPTS], ARRAYS, 6) == [answer.strip() for answer in answers]
    assert len(set(answers)) > 1


@torch.no_grad()
def test_the_mask_of_the_tiles_matters(model: LVLM) -> None:
    """With the mask of a picture of four tiles, the text reads padding tiles too."""
    encoded = model.encode(PROMPTS[:1], [(1, 1)])
    right, wrong = (
        model.forward(encoded, TENSORS[:1], positions=model.position_inputs(encoded, [layout])).loss
        for layout in ((1, 1), (2, 2))
    )
    assert torch.equal(right, model.loss(encoded, TENSORS[:1]))
    assert (right - wrong).abs() > 1e-3


def test_a_picture_is_one_token_that_the_head_cannot_say(model: LVLM) -> None:
    """The image token's row is in the embedding table alone, eight rows longer than the head."""
    encoded = model.encode(PROMPTS, model.layouts(TENSORS))
    assert encoded.image.sum(1).tolist() == [1] * len(PROMPTS)
    assert len(model.embedding.weight) == len(model.model.lm_head.weight) + 8 > model.text.image_id
    assert model.text.image_id == len(model.model.lm_head.weight)
    assert encoded.ids[encoded.answer].max() < len(model.model.lm_head.weight)


@torch.no_grad()
def test_a_prefix_serves_pictures_of_different_shapes_and_spares_the_tower(
    model: LVLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and attention rows of other texts, from the pictures' cached keys and values."""
    layouts = model.layouts(TENSORS)
    prefix = model.compute_prefix(model.encode(PROMPTS, layouts), TENSORS)
    patches = model.model.model.vision_model.num_patches
    lengths = [keys.shape[2] for keys, _ in prefix.layers]
    assert lengths == [prefix.length, 4 * patches, prefix.length, 4 * patches, prefix.length]
    other = model.encode([Prompt("Name it.", p.answer) for p in PROMPTS], layouts)
    whole, tail = (Recorder(model.attention_layers, [other.question, other.answer]) for _ in range(2))
    expected = model.forward(other, TENSORS, recorder=whole).loss
    monkeypatch.setattr(model.model.model.vision_model, "forward", None)
    torch.testing.assert_close(model.forward(other, TENSORS, recorder=tail, prefix=prefix).loss, expected)
    for layer in model.attention_layers:
        for ours, theirs in zip(tail.rows[layer], whole.rows[layer], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_binding_sees_the_self_attention_layers_and_the_pictures_token(model: LVLM) -> None:
    encoded = model.encode(PROMPTS, model.layouts(TENSORS))
    rows = model.attention_rows(encoded, TENSORS, model.attention_layers, [encoded.answer])
    assert list(rows) == list(model.attention_layers) == [0, 2, 4]
    for (row,) in rows.values():
        torch.testing.assert_close(row.sum(1), torch.ones(len(PROMPTS)))
        assert row.shape == encoded.ids.shape and (row[encoded.image] > 0).all()
    members = perturbed_tokens(encoded, model.intensity([255 - t for t in TENSORS], TENSORS), 0.1)
    assert torch.equal(members, encoded.image)


@torch.no_grad()
def test_token_intensity_is_the_mean_over_the_tiles_that_the_model_is_given(model: LVLM) -> None:
    """The same for a change in any of the processor's own tiles, without padding tiles."""
    for array, (y, x) in zip(ARRAYS, ((0, 0), (27, 89), (75, 1), (40, 20), (300, 0)), strict=True):
        dotted = array.copy()
        dotted[y, x] = 255 - dotted[y, x]
        before, after = (model.run_processor([a]) for a in (array, dotted))
        delta = (after["pixel_values"] - before["pixel_values"]).abs()
        (rho,) = model.intensity([tensor(dotted)], [tensor(array)])
        tiles = before["aspect_ratio_mask"].bool()
        assert rho.shape == (1,) and rho > 0
        torch.testing.assert_close(rho[0], delta[tiles].mean(), rtol=0.02, atol=0)


@pytest.mark.parametrize(
    ("targets", "parts"),
    [
        ("language", {"self_attn", "cross_attn", "mlp"}),
        ("projector", {"multi_modal_projector"}),
        ("all", {"self_attn", "cross_attn", "mlp", "multi_modal_projector", "transformer", "global_transformer"}),
    ],
)
def test_adapters_sit_in_self_and_cross_attention(model: LVLM, targets: Any, parts: set[str]) -> None:
    linear = {name for name, module in model.model.named_modules() if isinstance(module, torch.nn.Linear)}
    with attach_adapter(model, lora_config(model, 2, targets)):
        adapted = {name for name, module in model.model.named_modules() if hasattr(module, "lora_A")}
    assert {part for name in adapted for part in name.split(".") if part in parts} == parts
    if targets == "all":
        assert linear - adapted == {"lm_head"}
    else:
        assert not any("vision_model" in name for name in adapted)


def samples() -> SampleSet:
    """One sample for each picture."""
    rows = zip(ARRAYS, PROMPTS, strict=True)
    return SampleSet(tuple(Sample(str(i), str(i), a, p.question, p.answer) for i, (a, p) in enumerate(rows)))


@torch.no_grad()
def test_the_trainers_batches_of_mixed_tiles_have_our_loss(model: LVLM) -> None:
    batch = Inputs(model, samples()).collate([{"index": i} for i in range(len(ARRAYS))])
    encoded = model.encode(PROMPTS, model.layouts(TENSORS))
    ours = model.loss(encoded, TENSORS).sum() / encoded.answer.sum()
    torch.testing.assert_close(model.model(**batch).loss, ours, rtol=1e-2, atol=1e-2)


def test_fine_tuning_learns_and_leaves_the_base(model: LVLM, tmp_path: Path) -> None:
    options = {"batch": 3, "epochs": 6, "rank": 4, "targets": "all"}
    attack = REGISTRY.build(Method(name="lora_sft", options=options))
    curve = attack.tune(model, samples(), SampleSet(()), 0, tmp_path, lambda *_: None)
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]
