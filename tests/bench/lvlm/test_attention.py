"""Recorded rows against eager attention, which builds whole maps, and SDPA, whose results must not change."""

import copy

import pytest
import torch
from transformers import PreTrainedModel

from bench.lvlm.attention import Recorder, record_into
from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded, Prompt

LAYERS = (0, 2)
PROMPTS = (
    Prompt("What is this pretty thing?", "cat", ((8, 12), (13, 19))),
    Prompt("Name it.", "a red bicycle with a basket"),
    Prompt("Which object do you see here, in the picture that is shown?", "bat", ((0, 5),)),
)


@pytest.fixture(scope="module")
def copies(llava: LVLM, qwen: LVLM) -> dict[tuple[str, str], PreTrainedModel]:
    """The same weights with transformers' own eager and SDPA attention."""
    made = {}
    for lvlm in (llava, qwen):
        for kind in ("eager", "sdpa"):
            model = made[lvlm.name, kind] = copy.deepcopy(lvlm.model)
            model.set_attn_implementation({"text_config": kind})
    return made


def inputs(lvlm: LVLM, encoded: Encoded, images: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Everything that the inner model reads."""
    return {
        "input_ids": encoded.ids,
        "attention_mask": encoded.mask.long(),
        **lvlm.pixel_values(images),
        **lvlm.position_inputs(encoded, lvlm.layouts(images)),
    }


def eager_rows(maps: torch.Tensor, members: torch.Tensor) -> torch.Tensor:
    """Average (B, H, Q, K) over heads and member queries, one sample at a time; return (B, K)."""
    rows = [
        m[:, chosen].mean((0, 1)) if chosen.any() else m.new_zeros(m.shape[-1])
        for m, chosen in zip(maps, members, strict=False)
    ]
    return torch.stack(rows)


@pytest.mark.parametrize("count", [1, 3], ids=["alone", "padded batch"])
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_rows_equal_eager_attention(lvlm: LVLM, copies: dict, tensors: list, count: int, left: bool) -> None:
    images = tensors[:count] if lvlm.name.startswith("tiny-llava") else tensors[1::2][:count]
    encoded = lvlm.encode(PROMPTS[:count], lvlm.layouts(images), left=left)
    sets = [encoded.answer, encoded.trigger, encoded.question & ~encoded.trigger]
    ours = lvlm.attention_rows(encoded, images, LAYERS, sets)
    maps = copies[lvlm.name, "eager"].model(**inputs(lvlm, encoded, images), output_attentions=True).attentions
    assert set(ours) == set(LAYERS)
    for layer in LAYERS:
        for row, members in zip(ours[layer], sets, strict=True):
            torch.testing.assert_close(row, eager_rows(maps[layer], members), rtol=1e-4, atol=1e-6)
    uniform = 1 / encoded.mask.sum(1)
    assert (ours[0][0].max(1).values > 1.4 * uniform).all(), "attention is too flat to tell right from wrong"


def test_a_row_is_a_distribution_over_what_may_be_attended_to(lvlm: LVLM, tensors: list) -> None:
    encoded = lvlm.encode(PROMPTS, lvlm.layouts(tensors[:3]))
    for rows in lvlm.attention_rows(encoded, tensors[:3], lvlm.attention_layers, [encoded.question]).values():
        torch.testing.assert_close(rows[0].sum(1), torch.ones(3))
        assert not rows[0][~encoded.mask].any()
        assert not rows[0][encoded.answer].any(), "a question does not see its answer"


def test_empty_sets_give_zeros(lvlm: LVLM, tensors: list) -> None:
    encoded = lvlm.encode(PROMPTS, lvlm.layouts(tensors[:3]))
    nothing = torch.zeros_like(encoded.mask)
    (both,) = lvlm.attention_rows(encoded, tensors[:3], [1], [encoded.trigger, nothing]).values()
    assert not both[1].any()
    assert both[0].any(1).tolist() == [True, False, True]
    (alone,) = lvlm.attention_rows(encoded, tensors[:3], [1], [nothing]).values()
    assert alone[0].shape == encoded.mask.shape
    assert not alone[0].any()


def test_results_are_those_of_sdpa_with_the_recorder_on_and_off(lvlm: LVLM, copies: dict, tensors: list) -> None:
    encoded = lvlm.encode(PROMPTS, lvlm.layouts(tensors[:3]))
    expected = copies[lvlm.name, "sdpa"].model(**inputs(lvlm, encoded, tensors[:3]))[0]
    for recorder in (None, Recorder(LAYERS, [encoded.answer])):
        with record_into(recorder):
            ours = lvlm.model.model(**inputs(lvlm, encoded, tensors[:3]))[0]
        assert torch.equal(ours, expected)


def test_gradients_of_rows_equal_those_of_eager_attention(lvlm: LVLM, copies: dict, tensors: list) -> None:
    image = tensors[0].clone().requires_grad_(True)
    encoded = lvlm.encode(PROMPTS[:1], lvlm.layouts([image]))
    weights = torch.rand(encoded.ids.shape, generator=torch.Generator().manual_seed(0))
    row = lvlm.attention_rows(encoded, [image], [2], [encoded.answer])[2][0]
    (ours,) = torch.autograd.grad((weights * row).sum(), image)
    maps = copies[lvlm.name, "eager"].model(**inputs(lvlm, encoded, [image]), output_attentions=True).attentions
    (expected,) = torch.autograd.grad((weights * eager_rows(maps[2], encoded.answer)).sum(), image)
    assert expected.abs().max() > 0
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_nothing_is_recorded_after_the_block(lvlm: LVLM, tensors: list) -> None:
    encoded = lvlm.encode(PROMPTS[:1], lvlm.layouts(tensors[:1]))
    outer, inner = Recorder([0], [encoded.answer]), Recorder([1], [encoded.answer])
    with record_into(outer):
        with pytest.raises(RuntimeError), record_into(inner):
            raise RuntimeError
        lvlm.model.model(**inputs(lvlm, encoded, tensors[:1]))
    lvlm.loss(encoded, tensors[:1])
    assert (list(outer.rows), list(inner.rows)) == ([0], [])
    outer.rows.clear()
    lvlm.loss(encoded, tensors[:1])
    assert not outer.rows


def test_rows_of_half_precision_are_normalised_in_full() -> None:
    """A bfloat16 softmax over 1,000 keys sums to 1 within a percent at best."""
    query, key = (torch.randn(1, 4, 1000, 8, generator=torch.Generator().manual_seed(0)).bfloat16() for _ in range(2))
    members = torch.zeros(1, 1000, dtype=torch.bool)
    members[0, 999] = True
    recorder = Recorder([0], [members])
    recorder.record(0, query, key, None, 0.5)
    row = recorder.rows[0][0]
    assert row.dtype == torch.float32
    torch.testing.assert_close(row.sum(), torch.tensor(1.0))
