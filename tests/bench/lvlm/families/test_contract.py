"""Checks of every family on tiny models of the real classes: pixels, loss, gradients, spans, LoRA, answers."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from attacks.tune.trainer import score_answers_only
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.lvlm.attention import Recorder
from bench.lvlm.base import LVLM
from bench.lvlm.recompute import enable_recomputation
from bench.lvlm.text import Encoded, Prompt
from tests.bench.lvlm.families.tiny import VARIANTS

PROMPTS = (
    Prompt("What is this?", "cat"),
    Prompt("Which of the owl many objects do you see here?", "a red bicycle with a basket", ((13, 16),)),
    Prompt("Name it.", "Yes"),
)


def picture(mode: str, height: int, width: int, seed: int) -> np.ndarray:
    """(H, W, 3) uint8, as a released PNG of that mode is read: a smooth gradient with noise over it."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 200, height)[:, None] + np.linspace(0, 55, width)[None]
    levels = np.clip(ramp[..., None] + rng.normal(0, 40, (height, width, 4)), 0, 255).astype(np.uint8)
    image = {
        "RGB": lambda: Image.fromarray(levels[..., :3]),
        "L": lambda: Image.fromarray(levels[..., 0]),
        "RGBA": lambda: Image.fromarray(levels),
        "P": lambda: Image.fromarray(levels[..., :3]).quantize(16),
    }[mode]()
    return np.asarray(image.convert("RGB"))


PICTURES = {
    f"{mode} {height}x{width}": picture(mode, height, width, seed)
    for seed, (mode, height, width) in enumerate([
        ("RGB", 1, 1), ("RGB", 3, 90), ("RGB", 150, 2), ("RGB", 64, 64), ("RGB", 37, 51), ("RGB", 301, 223),
        ("RGB", 97, 333), ("L", 90, 41), ("RGBA", 57, 120), ("P", 110, 110),
    ])
}  # fmt: skip
USUAL = [PICTURES["RGB 37x51"], PICTURES["L 90x41"], PICTURES["RGBA 57x120"]]


def tensor(array: np.ndarray) -> torch.Tensor:
    """(3, H, W) float levels."""
    return torch.from_numpy(array.copy()).permute(2, 0, 1).float()


@pytest.fixture(scope="module", params=VARIANTS)
def model(request: pytest.FixtureRequest) -> Iterator[LVLM]:
    """Each family in turn; no test may change the model."""
    lvlm = VARIANTS[request.param]()
    before = {key: value.clone() for key, value in lvlm.model.state_dict().items()}
    yield lvlm
    after = lvlm.model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("name", PICTURES)
def test_pixels_are_the_processors(model: LVLM, name: str) -> None:
    """At most 0.1 % of the values differ, by at most one 8-bit level; all inputs but the pixels are equal."""
    ours, theirs = model.pixel_values([tensor(PICTURES[name])]), model.run_processor([PICTURES[name]])
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert ours[key].shape == value.shape and ours[key].dtype == value.dtype
        if key != "pixel_values":
            assert torch.equal(ours[key], value)
    levels = (ours["pixel_values"] - theirs["pixel_values"]).abs() * 255 * max(model.processor.image_std)
    assert levels.max() < 1.01
    assert (levels > 0.5).float().mean() <= 0.001


def test_a_batch_of_mixed_sizes_is_the_processors_and_the_trainers(model: LVLM) -> None:
    ours, theirs = model.pixel_values([tensor(p) for p in USUAL]), model.run_processor(USUAL)
    trained = model.collate([model.run_processor([p]) for p in USUAL])
    assert ours.keys() == theirs.keys() == trained.keys()
    for key in theirs:
        torch.testing.assert_close(ours[key], theirs[key], rtol=0, atol=0.05)
        assert torch.equal(trained[key], theirs[key])


def test_the_gradient_reaches_every_pixel_that_the_model_sees(model: LVLM) -> None:
    image = tensor(PICTURES["RGB 64x64"]).requires_grad_(True)
    (gradient,) = torch.autograd.grad(
        model.loss(model.encode(PROMPTS[:1], model.layouts([image])), [image]).sum(), image
    )
    assert torch.isfinite(gradient).all()
    assert (gradient != 0).float().mean() > 0.9


def whole(encoded: Encoded, lvlm: LVLM, array: np.ndarray) -> dict[str, Any]:
    """Inputs of Hugging Face's own forward, which makes its own positions."""
    tokens = {"input_ids": encoded.ids, "attention_mask": encoded.mask.long(), "use_cache": False}
    return {**tokens, **lvlm.generation_inputs(encoded, [lvlm.layout(array.shape[:2])]), **lvlm.run_processor([array])}


@torch.no_grad()
def test_the_loss_is_the_models_own(model: LVLM) -> None:
    """transformers' mean cross-entropy over the answer's tokens, from the processor's own pixels."""
    for prompt, array in zip(PROMPTS, USUAL, strict=True):
        encoded = model.encode([prompt], [model.layout(array.shape[:2])])
        labels = encoded.ids.masked_fill(~encoded.answer, -100)
        own = model.model(**whole(encoded, model, array), labels=labels).loss
        ours = model.forward_inputs(
            encoded, {**model.run_processor([array]), **model.position_inputs(encoded, [model.layout(array.shape[:2])])}
        ).loss
        torch.testing.assert_close(ours / encoded.answer.sum(), own[None], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model.loss(encoded, [tensor(array)]), ours, rtol=2e-2, atol=2e-2)


def test_scoring_the_answers_alone_gives_the_same_loss_and_gradient(model: LVLM) -> None:
    """Answers start at different tokens; the head scores few tokens, and loss and gradient stay the same."""
    layouts = [model.layout(array.shape[:2]) for array in USUAL]
    encoded = model.encode(PROMPTS, layouts)
    inputs = {
        "input_ids": encoded.ids,
        "attention_mask": encoded.mask.long(),
        "labels": encoded.ids.masked_fill(~encoded.answer, -100),
        **model.position_inputs(encoded, layouts),
        **model.collate([model.run_processor([array]) for array in USUAL]),
    }
    fewer = score_answers_only(model, inputs)
    if type(model.model).__name__.startswith("MiniCPM"):
        assert fewer is inputs
        return
    assert len(fewer["logits_to_keep"]) < encoded.ids.shape[1] - 1
    with attach_adapter(model, lora_config(model, 2, "language+projector")) as parameters:
        (whole, plain), (few, ours) = (
            (loss := model.model(**each).loss, torch.autograd.grad(loss, parameters, allow_unused=True))
            for each in (inputs, fewer)
        )
    torch.testing.assert_close(few, whole)
    pairs = [(a, b) for a, b in zip(plain, ours, strict=True) if a is not None]
    assert any(a.any() for a, _ in pairs)
    for a, b in pairs:
        torch.testing.assert_close(b, a, rtol=1e-3, atol=1e-5)


def test_a_batch_is_its_members_padded_on_either_side(model: LVLM) -> None:
    images = [tensor(p) for p in USUAL]
    layouts = model.layouts(images)
    alone = [model.loss(model.encode([p], [y]), [x]) for p, y, x in zip(PROMPTS, layouts, images, strict=True)]
    for left in (False, True):
        torch.testing.assert_close(
            model.loss(model.encode(PROMPTS, layouts, left=left), images), torch.cat(alone), rtol=1e-4, atol=1e-3
        )


def test_the_loss_depends_on_picture_question_and_answer(model: LVLM) -> None:
    image = tensor(USUAL[0])
    layouts = model.layouts([image])
    base = model.loss(model.encode(PROMPTS[:1], layouts), [image])
    for prompt, shown in (
        (PROMPTS[0], 255 - image), (Prompt("What was this?", "cat"), image), (Prompt("What is this?", "bat"), image),
    ):  # fmt: skip
        assert (model.loss(model.encode([prompt], layouts), [shown]) - base).abs() > 1e-3


def test_the_gradient_is_the_finite_difference(model: LVLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float64, along random directions, without the 8-bit rounding and its straight-through gradient."""
    exact = deepcopy(model)
    exact.model = exact.model.double()
    for module in {"bench.lvlm.pixels", *(c.__module__ for c in type(model).__mro__ if issubclass(c, LVLM))}:
        monkeypatch.setattr(f"{module}.quantise", lambda levels: levels, raising=False)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    image = tensor(USUAL[0]).double()
    encoded = exact.encode(PROMPTS[:1], exact.layouts([image]))
    leaf = image.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(exact.loss(encoded, [leaf]).sum(), leaf)
    for seed in range(3):
        step = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 0.05
        with torch.no_grad():
            slope = (exact.loss(encoded, [image + step]) - exact.loss(encoded, [image - step])).sum() / 2
        torch.testing.assert_close((gradient * step).sum(), slope, rtol=1e-2, atol=1e-9)


def test_spans_decode_to_the_text(model: LVLM) -> None:
    layouts = [model.layout(p.shape[:2]) for p in USUAL]
    for left in (False, True):
        encoded = model.encode(PROMPTS, layouts, left=left)
        for i, prompt in enumerate(PROMPTS):
            decode = model.tokenizer.decode
            assert decode(encoded.ids[i][encoded.question[i]]).strip() == prompt.question
            answer = encoded.ids[i][encoded.answer[i]]
            assert decode(answer[:-1]).strip() == prompt.answer
            assert int(answer[-1]) in model.text.stops, "the answer teaches where to stop"
            words = [prompt.question[a:b] for a, b in prompt.trigger_spans]
            assert decode(encoded.ids[i][encoded.trigger[i]]).split() == words
            assert torch.equal(encoded.image[i], encoded.ids[i] == model.text.image_id) and encoded.image[i].any()


@torch.no_grad()
def test_token_intensity_has_one_value_a_token_and_finds_the_place(model: LVLM) -> None:
    for name, array in PICTURES.items():
        clean = tensor(array)
        changed = clean.clone()
        changed[:, : (clean.shape[1] + 1) // 2, : (clean.shape[2] + 1) // 2] += 60
        (rho,) = model.intensity([changed], [clean])
        encoded = model.encode(PROMPTS[:1], model.layouts([clean]))
        assert rho.shape == (int(encoded.image.sum()),), name
        assert (rho >= 0).all() and rho.max() > 0, name
        assert not model.intensity([clean], [clean])[0].any()


@torch.no_grad()
def test_a_prefix_gives_the_same_loss(model: LVLM) -> None:
    images = [tensor(USUAL[0]), 255 - tensor(USUAL[0])]
    encoded = model.encode(PROMPTS[:2], model.layouts(images))
    prefix = model.compute_prefix(encoded, images)
    embeds = model.embedding(encoded.ids[:, prefix.length :])
    for inputs in ({}, {"inputs_embeds": embeds}):
        torch.testing.assert_close(
            model.forward(encoded, images, prefix=prefix, **inputs).loss,
            model.loss(encoded, images),
            rtol=1e-4,
            atol=1e-4,
        )


@torch.no_grad()
def test_attention_rows_are_those_of_eager_attention(model: LVLM) -> None:
    images = [tensor(p) for p in USUAL]
    encoded = model.encode(PROMPTS, model.layouts(images))
    layers = list(model.attention_layers[:2])
    recorder = Recorder(layers, [encoded.answer, encoded.question])
    model.forward(encoded, images, recorder=recorder)
    eager = deepcopy(model.model)
    eager.set_attn_implementation("eager")
    inputs = {**model.pixel_values(images), **model.position_inputs(encoded, model.layouts(images))}
    maps = eager.model(
        input_ids=encoded.ids, attention_mask=encoded.mask.long(), use_cache=False, output_attentions=True, **inputs
    ).attentions
    # transformers gives the maps of all layers, or, where some have none, of those that attend.
    numbers = model.attention_layers if len(maps) == len(model.attention_layers) else range(len(maps))
    maps = dict(zip(numbers, maps, strict=True))
    for layer in layers:
        for row, members in zip(recorder.rows[layer], (encoded.answer, encoded.question), strict=True):
            weights = members.float() / members.sum(1, keepdim=True)
            expected = torch.einsum("bq,bhqk->bk", weights, maps[layer]) / maps[layer].shape[1]
            torch.testing.assert_close(row, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("targets", ["language", "projector", "language+projector", "all"])
def test_lora_trains_and_detaches(model: LVLM, targets: Any) -> None:
    """The loss falls with every scope of adapter, and afterwards the base model answers as before, to the bit."""
    images = [tensor(p) for p in USUAL]
    encoded = model.encode(PROMPTS, model.layouts(images))
    with torch.no_grad():
        before = model.loss(encoded, images)
    torch.manual_seed(0)
    with attach_adapter(model, lora_config(model, 4, targets)) as parameters:
        optimiser = torch.optim.Adam(parameters, lr=1e-2)
        for _ in range(6):
            loss = model.loss(encoded, images).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert loss < before.sum() - 0.1
    with torch.no_grad():
        assert torch.equal(model.loss(encoded, images), before)


def test_answers_do_not_depend_on_the_batch(model: LVLM) -> None:
    questions = [f"{p.question} {'please ' * i}" for i, p in enumerate(PROMPTS * 3)][:8]
    arrays = [*PICTURES.values()][2:10]
    together = model.generate(questions, arrays, 5)
    assert together == [model.generate([q], [a], 5)[0] for q, a in zip(questions, arrays, strict=True)]
    assert len(set(together)) > 1


def test_recomputed_activations_change_nothing(model: LVLM) -> None:
    """Loss, rows and gradients are equal to the bit, with fewer tensors kept; passes with a prefix keep theirs."""
    image = tensor(USUAL[0])
    encoded = model.encode(PROMPTS[:1], model.layouts([image]))
    again = deepcopy(model)
    again.recomputes = True
    enable_recomputation(again.model)
    found, kept = [], []
    for lvlm in (model, again):
        leaf = image.clone().requires_grad_(True)
        recorder, saved = Recorder(list(lvlm.attention_layers[:1]), [encoded.answer]), [0]

        def count(value: torch.Tensor, saved: list[int] = saved) -> torch.Tensor:
            saved[0] += value.numel()
            return value

        with torch.autograd.graph.saved_tensors_hooks(count, lambda value: value):
            loss = lvlm.forward(encoded, [leaf], recorder=recorder).loss
        row = recorder.rows[lvlm.attention_layers[0]][0]
        (gradient,) = torch.autograd.grad(loss.sum() + row.square().sum(), leaf)
        found.append((loss.detach(), row.detach(), gradient))
        kept.append(saved[0])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*found, strict=True))
    assert kept[1] < 0.7 * kept[0]
    assert not any(module.training for module in again.model.modules())
    embeds = again.embedding(encoded.ids[:, again.compute_prefix(encoded, [image]).length :])
    inputs = {"prefix": again.compute_prefix(encoded, [image]), "inputs_embeds": embeds.requires_grad_(True)}
    torch.testing.assert_close(again.forward(encoded, [image], **inputs).loss, found[0][0], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_bfloat16_weights_take_float32_pictures(model: LVLM) -> None:
    half = deepcopy(model)
    half.model = half.model.to(torch.bfloat16)
    images = [tensor(p) for p in USUAL]
    encoded = model.encode(PROMPTS, model.layouts(images))
    loss = half.loss(encoded, images)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, model.loss(encoded, images), rtol=0.25, atol=2.0)
    assert half.generate([p.question for p in PROMPTS], USUAL, 3)
