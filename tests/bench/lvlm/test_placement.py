"""Devices and precisions: accepted values, errors, and bfloat16 against float32."""

import sys

import pytest
import torch

from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load
from bench.lvlm.placement import choose_device, quantisation_arguments
from bench.lvlm.text import Prompt


def test_without_a_gpu_weights_are_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == "cpu"
    monkeypatch.setenv("BENCH_DEVICE", "cuda")
    with pytest.raises(UserError, match="torch sees no GPU; allowed here: cpu"):
        choose_device()


def test_with_a_gpu_weights_are_there_or_on_the_chosen_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device() == "cuda"
    for place in ("cpu", "auto"):
        monkeypatch.setenv("BENCH_DEVICE", place)
        assert choose_device() == place
    monkeypatch.setenv("BENCH_DEVICE", "tpu")
    with pytest.raises(UserError, match=r"BENCH_DEVICE: 'tpu'; allowed: cpu, cuda, auto"):
        choose_device()


def test_four_bits_need_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert quantisation_arguments("x@bf16", "bf16") == {}
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setattr("bench.lvlm.placement.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"victim: 'x@4bit' needs bitsandbytes; pip install 'mmguard-bench\[qlora\]'"):
        quantisation_arguments("x@4bit", "4bit")


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_half_precision_weights_have_full_precision_perturbations(
    victim: LVLM, tensors: list[torch.Tensor], precision: str, dtype: torch.dtype
) -> None:
    """The loss is float32 and near the float32 model's; so is the gradient of the pixels."""
    half = load(f"tiny-llava-a@{precision}")
    assert half.model.dtype == dtype and half.revision == victim.revision
    prompts = [Prompt("What is this?", "red apple"), Prompt("Name it.", "cat")]
    found = {}
    for lvlm in (victim, half):
        leaves = [tensor.clone().requires_grad_(True) for tensor in tensors[:2]]
        loss = lvlm.loss(lvlm.encode(prompts, lvlm.layouts(leaves)), leaves)
        found[lvlm.name] = loss, torch.cat([g.flatten() for g in torch.autograd.grad(loss.sum(), leaves)])
    (loss, gradient), (near, close) = found.values()
    assert near.dtype == close.dtype == torch.float32
    torch.testing.assert_close(near, loss, rtol=0.05, atol=0.1)
    assert torch.nn.functional.cosine_similarity(gradient, close, dim=0) > 0.95
    assert half.generate(["What is this?"], [tensors[0].permute(1, 2, 0).byte().numpy()], 4)


def test_four_bit_weights_train_an_adapter(victim: LVLM, tensors: list[torch.Tensor]) -> None:
    """QLoRA: the loss falls, and the frozen weights are four bits each."""
    bitsandbytes = pytest.importorskip("bitsandbytes")
    from bench.lvlm.adapters import attach_adapter, lora_config

    small = load("tiny-llava-a@4bit")
    layers = [m for m in small.model.modules() if isinstance(m, bitsandbytes.nn.Linear4bit)]
    assert len(layers) > 20 and all(layer.weight.dtype == torch.uint8 for layer in layers)
    encoded = small.encode([Prompt("What is this?", "a zebra")] * 2, small.layouts(tensors[:2]))
    torch.manual_seed(0)
    with attach_adapter(small, lora_config(small, 4, "language")) as parameters:
        assert all(p.dtype == torch.float32 for p in parameters)
        optimiser = torch.optim.Adam(parameters, lr=1e-2)
        losses = []
        for _ in range(5):
            losses.append(small.loss(encoded, tensors[:2]).sum())
            optimiser.zero_grad()
            losses[-1].backward()
            optimiser.step()
    assert losses[-1] < losses[0] - 1
