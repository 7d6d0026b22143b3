"""The interface of defenses, attacks and the evaluator to a model, against Hugging Face's own forward pass."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.errors import UserError
from bench.lvlm.attention import Recorder
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load
from bench.lvlm.text import Encoded, Prompt

PROMPTS = (
    Prompt("What is this?", "cat"),
    Prompt("Which of the many objects do you see here, please?", "a red bicycle with a basket"),
    Prompt("Name it.", "Yes"),
)


@pytest.fixture
def images(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Three pictures of three sizes."""
    return [tensors[0], tensors[3], tensors[4]]


@pytest.fixture
def arrays(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """The same pictures, as the evaluator has them."""
    return [pictures[0], pictures[3], pictures[4]]


def full_logits(lvlm: LVLM, encoded: Encoded, pixels: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the logits of Hugging Face's own forward, which makes its own positions and has logits everywhere."""
    types = {"mm_token_type_ids": encoded.image.long()} if lvlm.model.config.model_type == "qwen3_vl" else {}
    with torch.no_grad():
        return lvlm.model(input_ids=encoded.ids, attention_mask=encoded.mask.long(), **types, **pixels).logits


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_loss_is_minus_log_p_of_the_answer(lvlm: LVLM, images: list[torch.Tensor], left: bool) -> None:
    encoded = lvlm.encode(PROMPTS, lvlm.layouts(images), left=left)
    log_p = full_logits(lvlm, encoded, lvlm.pixel_values(images)).log_softmax(-1)
    for row, loss in enumerate(lvlm.loss(encoded, images)):
        places = [t for t in range(encoded.ids.shape[1]) if encoded.answer[row, t]]
        expected = -sum(log_p[row, t - 1, encoded.ids[row, t]] for t in places)
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)


def test_a_batch_of_mixed_lengths_and_sizes_is_its_members(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    layouts = lvlm.layouts(images)
    batch = lvlm.loss(lvlm.encode(PROMPTS, layouts), images)
    single = [lvlm.loss(lvlm.encode([p], [y]), [x]) for p, y, x in zip(PROMPTS, layouts, images, strict=True)]
    torch.testing.assert_close(batch, torch.cat(single), rtol=1e-5, atol=1e-4)


def test_the_loss_depends_on_picture_question_and_answer(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    """With a model that ignores its inputs the tests above would prove nothing."""
    layouts = lvlm.layouts(images[1:2])
    base = lvlm.loss(lvlm.encode(PROMPTS[:1], layouts), images[1:2])
    for prompt, image in (
        (PROMPTS[0], 255 - images[1]),
        (Prompt("What was this?", "cat"), images[1]),
        (Prompt("What is this?", "bat"), images[1]),
    ):
        assert (lvlm.loss(lvlm.encode([prompt], layouts), [image]) - base).abs() > 2e-3


def test_a_prompt_without_an_answer_has_no_loss(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    encoded = lvlm.encode([Prompt("What?"), PROMPTS[1]], lvlm.layouts(images[:2]))
    loss = lvlm.loss(encoded, images[:2])
    assert loss[0] == 0 and loss[1] > 0


def test_the_trainers_pixels_give_the_same_loss(
    lvlm: LVLM, images: list[torch.Tensor], arrays: list[np.ndarray]
) -> None:
    encoded = lvlm.encode(PROMPTS[:2], lvlm.layouts(images[:2]))
    positions = lvlm.position_inputs(encoded, lvlm.layouts(images[:2]))
    trainer = lvlm.forward_inputs(encoded, {**lvlm.run_processor(arrays[:2]), **positions}).loss
    torch.testing.assert_close(lvlm.loss(encoded, images[:2]), trainer, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("given", ["prefix", "embeddings", "both"])
def test_a_prefix_and_embeddings_give_the_same_loss(lvlm: LVLM, images: list[torch.Tensor], given: str) -> None:
    """Texts of different lengths about pictures of one size."""
    images = [images[0], 255 - images[0]]
    encoded = lvlm.encode(PROMPTS[:2], lvlm.layouts(images))
    inputs: dict[str, object] = {}
    read = encoded.ids
    if given != "embeddings":
        inputs["prefix"] = prefix = lvlm.compute_prefix(encoded, images)
        assert encoded.image[:, : prefix.length].sum() == encoded.image.sum()
        assert encoded.image[:, prefix.length - 1].all()
        read = encoded.ids[:, prefix.length :]
    if given != "prefix":
        inputs["inputs_embeds"] = lvlm.embedding(read)
    for _ in range(2):
        torch.testing.assert_close(lvlm.forward(encoded, images, **inputs).loss, lvlm.loss(encoded, images))


def test_a_prefix_serves_other_texts_and_their_attention_rows(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    images = [images[0], 255 - images[0]]
    prefix = lvlm.compute_prefix(lvlm.encode(PROMPTS[:2], lvlm.layouts(images)), images)
    other = lvlm.encode([Prompt("Please name the thing in this picture.", "owl"), PROMPTS[1]], lvlm.layouts(images))
    whole, tail = (Recorder([0, 1], [other.question, other.answer]) for _ in range(2))
    expected = lvlm.forward(other, images, recorder=whole).loss
    torch.testing.assert_close(lvlm.forward(other, images, prefix=prefix, recorder=tail).loss, expected)
    for layer in (0, 1):
        for ours, theirs in zip(tail.rows[layer], whole.rows[layer], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_embeddings_passed_in_receive_the_gradient_of_the_loss(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    """The gradient agrees with a central difference along a random direction in one question token."""
    encoded = lvlm.encode(PROMPTS[:1], lvlm.layouts(images[:1]))
    prefix = lvlm.compute_prefix(encoded, images[:1])
    tail = encoded.columns(prefix.length)
    leaf = lvlm.embedding(tail.ids).detach().requires_grad_(True)

    def loss(embeds: torch.Tensor) -> torch.Tensor:
        return lvlm.forward(encoded, images[:1], prefix=prefix, inputs_embeds=embeds).loss.sum()

    (gradient,) = torch.autograd.grad(loss(leaf), leaf)
    place = int(tail.question[0].nonzero()[0])
    step = torch.zeros_like(leaf)
    step[0, place] = 1e-2 * gradient[0, place] / gradient[0, place].norm()
    slope = (loss(leaf.detach() + step) - loss(leaf.detach() - step)) / 2
    torch.testing.assert_close(slope, (gradient * step).sum(), rtol=0.05, atol=1e-4)


def test_pixels_receive_gradients_and_parameters_none(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    leaves = [image.clone().requires_grad_(True) for image in images]
    encoded = lvlm.encode(PROMPTS, lvlm.layouts(leaves))
    for gradient in torch.autograd.grad(lvlm.loss(encoded, leaves).sum(), leaves):
        assert torch.isfinite(gradient).all()
        assert (gradient != 0).float().mean() > 0.9
    assert all(p.grad is None and not p.requires_grad for p in lvlm.model.parameters())


def test_stepping_against_the_gradient_lowers_the_loss(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    """Through quantisation and resizing, in whole levels."""
    leaf = images[0].clone().requires_grad_(True)
    encoded = lvlm.encode(PROMPTS[:1], lvlm.layouts([leaf]))
    before = lvlm.loss(encoded, [leaf]).sum()
    (gradient,) = torch.autograd.grad(before, leaf)
    after = lvlm.loss(encoded, [(leaf.detach() - 2 * gradient.sign()).clamp(0, 255)]).sum()
    assert after < before


def test_preprocessing_keeps_the_order_of_mixed_sizes(lvlm: LVLM, tensors: list[torch.Tensor]) -> None:
    order = [4, 0, 2, 1, 5, 3]
    done = lvlm.preprocess_each([tensors[i] for i in order])
    for i, one in zip(order, done, strict=True):
        assert torch.equal(one, lvlm.preprocess(tensors[i][None])[0])


def test_generation_in_a_batch_is_generation_alone(lvlm: LVLM, arrays: list[np.ndarray]) -> None:
    questions = [prompt.question for prompt in PROMPTS]
    alone = [lvlm.generate([q], [x], max_new_tokens=6)[0] for q, x in zip(questions, arrays, strict=True)]
    assert lvlm.generate(questions, arrays, max_new_tokens=6) == alone
    assert all(alone) and len(set(alone)) == 3


def test_generation_is_greedy_and_stops_at_the_end_of_turn(
    lvlm: LVLM, arrays: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against one forward pass for each token, without a cache."""
    encoded = lvlm.encode([Prompt("What is this?")], [lvlm.layout(arrays[0].shape[:2])])
    ids: list[int] = []
    pixels = lvlm.run_processor(arrays[:1])
    for _ in range(5):
        ids.append(int(full_logits(lvlm, encoded, pixels)[0, -1].argmax()))
        extended = torch.cat([encoded.ids, torch.tensor([[ids[-1]]])], 1)
        flags = [torch.cat([getattr(encoded, f), torch.tensor([[f == "mask"]])], 1) for f in ("mask", "image")]
        encoded = Encoded(extended, *flags, *[torch.zeros_like(flags[0])] * 3)
    expected = lvlm.tokenizer.decode(ids, skip_special_tokens=True).strip()
    assert lvlm.generate(["What is this?"], arrays[:1], max_new_tokens=5) == [expected]
    stop = next((i for i, token in enumerate(ids) if token != ids[0]), 0)
    monkeypatch.setattr(lvlm.text, "stops", [ids[stop]])
    (expected,) = lvlm.tokenizer.batch_decode([ids[: stop + 1]], skip_special_tokens=True)
    assert lvlm.generate(["What is this?"], arrays[:1], max_new_tokens=5) == [expected.strip()]
    assert stop < 4


def test_a_saved_checkpoint_is_loaded_by_its_path(
    lvlm: LVLM, images: list[torch.Tensor], arrays: list[np.ndarray], tmp_path: Path
) -> None:
    lvlm.save(tmp_path)
    again = load(str(tmp_path))
    assert type(again) is type(lvlm)
    encoded, reloaded = (m.encode(PROMPTS, m.layouts(images)) for m in (lvlm, again))
    assert torch.equal(encoded.ids, reloaded.ids)
    assert torch.equal(again.loss(reloaded, images), lvlm.loss(encoded, images))
    assert again.generate(["What?"], arrays[:1], 4) == lvlm.generate(["What?"], arrays[:1], 4)


def test_an_unknown_victim_suggests_the_nearest() -> None:
    with pytest.raises(
        UserError, match=r"'tiny-lava-a' is not known; did you mean 'tiny-llava-a'\?; .*, a checkpoint folder"
    ):
        load("tiny-lava-a")


def test_an_unknown_architecture_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError, match=r"architecture 'gpt2'.*allowed: llava, qwen3_vl"):
        load(str(tmp_path))
