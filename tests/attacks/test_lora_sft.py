"""Effects of `lora_sft`, on a few samples of an embedded victim."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from attacks import REGISTRY
from attacks.tune.inputs import Inputs
from attacks.tune.lora_sft import LoraSFT
from bench.datasets import load
from bench.lvlm.adapters import use_adapter
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Method
from bench.victims.recipes import RECIPES


def tune(victim: LVLM, samples: SampleSet, folder: Path, **options: object) -> list[dict[str, float]]:
    attack = REGISTRY.build(Method(name="lora_sft", options={"batch": 8, **options}))
    return attack.tune(
        victim, samples, SampleSet(load("emoji_catalog", "validation").samples[:16]), 0, folder, lambda *_: None
    )


def test_learns_restores_the_base_and_repeats_bit_for_bit(victim: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    before = {k: v.clone() for k, v in victim.model.state_dict().items()}
    curve = tune(victim, samples, tmp_path / "first", epochs=12)
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
    after = victim.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)
    tune(victim, samples, tmp_path / "second", epochs=12)
    ours, theirs = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("first", "second"))
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    questions, pictures = [s.question for s in samples], [s.pixels for s in samples]
    with use_adapter(victim, tmp_path / "first"):
        right = sum(a == s.answer for a, s in zip(victim.generate(questions, pictures), samples, strict=True))
    assert right >= 12
    assert sum(a == s.answer for a, s in zip(victim.generate(questions, pictures), samples, strict=True)) <= 4


@pytest.mark.parametrize(("targets", "part"), [("projector", "projector"), ("language", "language_model")])
def test_targets_say_where_the_adapter_sits(
    victim: LVLM, samples: SampleSet, tmp_path: Path, targets: str, part: str
) -> None:
    tune(victim, samples, tmp_path, epochs=1, targets=targets)
    names = list(load_file(tmp_path / "adapter_model.safetensors"))
    assert names
    assert all(part in name for name in names)


def test_early_stopping_reports_validation_loss_and_keeps_the_best(
    victim: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    curve = tune(victim, samples, tmp_path, epochs=2, early_stopping=True)
    assert sum("validation_loss" in point for point in curve) == 2
    assert (tmp_path / "adapter_model.safetensors").exists()


def test_where_memory_is_short_gradients_are_accumulated_and_the_adapter_is_nearly_the_same(
    victim: LVLM, samples: SampleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tune(victim, samples, tmp_path / "whole", epochs=2)
    real, refused = Inputs.collate, []

    def collate(self: Inputs, rows: list[dict[str, int]]) -> dict[str, torch.Tensor]:
        if len(rows) > 3:
            refused.append(len(rows))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return real(self, rows)

    monkeypatch.setattr(Inputs, "collate", collate)
    parts = tune(victim, samples, tmp_path / "parts", epochs=2)
    assert refused == [8, 4]
    assert [p["step"] for p in parts] == [p["step"] for p in whole]
    assert [p["loss"] for p in parts] == pytest.approx([p["loss"] for p in whole], rel=1e-3)
    ours, theirs = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("whole", "parts"))
    for key, value in ours.items():
        torch.testing.assert_close(theirs[key], value, rtol=0.05, atol=2e-3)


def test_of_several_gpus_one_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    attack = LoraSFT(LoraSFT.Options())
    assert attack._arguments(tmp_path, RECIPES[0], 0, 64, 16, "cuda").n_gpu == 1
    assert attack._arguments(tmp_path, RECIPES[0], 0, 64, 16, "cpu").n_gpu == 0


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, {}),
        ({"curve": 4}, {"2": "epochs/2", "4": "epochs/4", "6": "epochs/6", "8": ""}),
        ({"curve": 3}, {"3": "epochs/3", "6": "epochs/6", "8": ""}),
        ({"curve": 1}, {"8": ""}),
        ({"curve": 50, "epochs": 3}, {"1": "epochs/1", "2": "epochs/2", "3": ""}),
        ({"curve": 2, "early_stopping": True}, {"4": "epochs/4", "8": "epochs/8"}),
    ],
)
def test_a_curve_is_of_epochs_at_even_distances_up_to_the_last(options: dict[str, Any], kept: dict[str, str]) -> None:
    attack = REGISTRY.build(Method(name="lora_sft", options=options))
    assert attack.checkpoints["tiny"] == kept
    assert REGISTRY.describe(Method(name="lora_sft", options=options)).traits.checkpoints["tiny"] == kept


def test_a_curve_keeps_adapters_on_the_way_and_changes_nothing_else(
    victim: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    plain = tune(victim, samples, tmp_path / "plain", epochs=4)
    assert tune(victim, samples, tmp_path / "curve", epochs=4, curve=2) == plain
    tune(victim, samples, tmp_path / "best", epochs=4, curve=2, early_stopping=True)
    folders = {"half": "curve/epochs/2", "whole": "curve", "plain": "plain", "half too": "best/epochs/2",
               "whole too": "best/epochs/4"}  # fmt: skip
    kept = {name: load_file(tmp_path / at / "adapter_model.safetensors") for name, at in folders.items()}
    assert [file.name for file in (tmp_path / "curve" / "epochs").iterdir()] == ["2"]
    for one, other in (("whole", "plain"), ("whole too", "plain"), ("half too", "half")):
        assert all(torch.equal(value, kept[other][key]) for key, value in kept[one].items()), one
    assert not all(torch.equal(value, kept["plain"][key]) for key, value in kept["half"].items())
    with use_adapter(victim, tmp_path / "curve" / "epochs" / "2"):
        assert len(victim.generate([samples[0].question], [samples[0].pixels])) == 1
