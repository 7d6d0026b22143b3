"""A stranger's adapter does what it did where it was trained, or is refused in one line and leaves no trace."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from safetensors.torch import load_file, save_file

from bench.errors import UserError
from bench.lvlm.adapters import lora_config, save_weights
from bench.lvlm.base import LVLM
from bench.lvlm.foreign_adapter import ADAPTER_FILE, CONFIG_FILE, use_foreign_adapter
from bench.lvlm.text import Prompt

Loss = Callable[[], float]


@pytest.fixture
def loss(lvlm: LVLM, tensors: list[torch.Tensor]) -> Loss:
    """The loss of one answer as the model is now."""
    encoded = lvlm.encode([Prompt("What is this?", "cat")], lvlm.layouts(tensors[:1]))

    def measure() -> float:
        with torch.no_grad():
            return float(lvlm.loss(encoded, tensors[:1]))

    return measure


def write_adapter(lvlm: LVLM, folder: Path, loss: Loss | None = None, **options: Any) -> float:
    """Write a LoRA with random weights as peft does, and return the loss with it."""
    peft = get_peft_model(lvlm.model, lora_config(lvlm, 4, options.pop("targets", "all"), **options))
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in peft.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.05)
    peft.eval()
    measured = loss() if loss else 0.0
    peft.save_pretrained(folder)
    peft.unload()
    lvlm.model.requires_grad_(False)
    return measured


@pytest.mark.parametrize("options", [{}, {"targets": "language"}, {"targets": "projector"}, {"dora": True}], ids=str)
def test_an_adapter_does_what_it_did(lvlm: LVLM, loss: Loss, tmp_path: Path, options: dict[str, Any]) -> None:
    base, expected = loss(), write_adapter(lvlm, tmp_path, loss, **options)
    assert expected != base
    with use_foreign_adapter(lvlm, tmp_path):
        assert loss() == pytest.approx(expected, rel=1e-5)
    assert loss() == base


def test_trained_weights_do_what_they_did(lvlm: LVLM, loss: Loss, tmp_path: Path) -> None:
    base = loss()
    save_weights(lvlm, tmp_path)
    file = tmp_path / "weights.safetensors"
    save_file({name: tensor * 1.1 for name, tensor in load_file(file).items()}, file)
    with use_foreign_adapter(lvlm, tmp_path):
        assert loss() != base
    assert loss() == base


def change_config(**fields: object) -> Callable[[Path], object]:
    """Return a change of the config of an adapter."""

    def change(folder: Path) -> None:
        file = folder / CONFIG_FILE
        file.write_text(json.dumps(json.loads(file.read_text()) | fields))

    return change


def change_tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    """Return a change of the tensors of an adapter."""

    def write(folder: Path) -> None:
        tensors = load_file(folder / ADAPTER_FILE)
        change(tensors)
        save_file(tensors, folder / ADAPTER_FILE)

    return write


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda folder: (folder / CONFIG_FILE).unlink(), "adapter_config.json"),
        (lambda folder: (folder / ADAPTER_FILE).rename(folder / "adapter_model.bin"), "adapter_model.safetensors"),
        (lambda folder: (folder / ADAPTER_FILE).write_bytes(b"\x1b[2J"), "not whole"),
        (lambda folder: (folder / CONFIG_FILE).write_text("[1]"), "a JSON object"),
        (change_config(peft_type="IA3"), "peft_type 'IA3'"),
        (change_config(r=0), "rank 0; allowed: 1 to 4096"),
        (change_config(r=10**30), "allowed: 1 to 4096"),
        (change_config(r="4"), "r '4', lora_alpha"),
        (change_config(lora_alpha="x\x1b[2J"), "lora_alpha"),
        (change_config(lora_alpha=True), "lora_alpha"),
        (change_config(target_parameters="all"), "target_parameters"),
        (change_config(target_parameters=["no.such", "q_proj"], use_dora=True), "; allowed: "),
        (change_config(megatron_config={"a": 1}, megatron_core="os"), "megatron_config"),
        (change_config(modules_to_save=["lm_head"]), "modules_to_save"),
        (change_config(rank_pattern={"(a+)+$": 8}), "rank_pattern"),
        (change_config(r=8), "of shape"),
        (change_tensors(dict.clear), "no adapter of LoRA"),
        (change_tensors(dict.popitem), "is missing"),
        (
            change_tensors(lambda t: t.update({"base_model.model.no.lora_A.weight": torch.ones(4, 4)})),
            "no linear layer",
        ),
        (change_tensors(lambda t: t.update({"more": torch.ones(1)})), "tensors of this very model"),
        (change_tensors(lambda t: next(iter(t.values())).fill_(torch.nan)), "not finite"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_in_one_line(
    llava: LVLM, tmp_path: Path, damage: Callable[[Path], object], part: str
) -> None:
    write_adapter(llava, tmp_path)
    damage(tmp_path)
    modules = [name for name, _ in llava.model.named_modules()]
    with pytest.raises(UserError) as error, use_foreign_adapter(llava, tmp_path):
        raise AssertionError("it was used")
    assert part in str(error.value) and str(error.value).isprintable()
    assert [name for name, _ in llava.model.named_modules()] == modules
    assert not any(parameter.requires_grad for parameter in llava.model.parameters())


def test_a_pattern_of_a_stranger_is_never_matched(llava: LVLM, tmp_path: Path) -> None:
    write_adapter(llava, tmp_path)
    change_config(target_modules="(([a-z_.0-9])*)*!", layers_pattern="(a+)+")(tmp_path)
    with pytest.raises(UserError, match="layers_pattern"), use_foreign_adapter(llava, tmp_path):
        pass
    change_config(layers_pattern=None)(tmp_path)
    with use_foreign_adapter(llava, tmp_path):
        assert any("lora" in name for name, _ in llava.model.named_modules())
