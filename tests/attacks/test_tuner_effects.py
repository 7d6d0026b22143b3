"""Effects of single tuners: adversarial pixels, a second stage, magnitudes, the best epoch, four-bit weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from attacks import REGISTRY
from attacks.grammar import parse_attack
from attacks.parts import Knowledge
from attacks.tune.adversarial import perturb
from attacks.tune.inputs import Inputs
from attacks.tune.two_stage import TwoStageSet
from bench.lvlm.adapters import use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.progress import silent
from bench.samples import SampleSet
from bench.spec import Method

ADAPTER = "adapter_model.safetensors"


def loss(victim: LVLM, samples: SampleSet) -> float:
    """Return the mean answer NLL of samples."""
    images = [torch.from_numpy(s.pixels).permute(2, 0, 1) for s in samples]
    with torch.no_grad():
        encoded = victim.encode([Prompt(s.question, s.answer) for s in samples], victim.layouts(images))
        return float(victim.loss(encoded, images).mean())


@pytest.mark.parametrize("epsilon", [2.0, 8.0])
def test_adversarial_pixels_raise_the_loss_within_their_radius(llava: LVLM, samples: SampleSet, epsilon: float) -> None:
    """The radius is checked in 8-bit levels, by undoing the processor's own normalisation."""
    batch = Inputs(llava, samples[:4]).collate([{"index": i} for i in range(4)])
    pixels = {"pixel_values": batch["pixel_values"]}

    def batch_loss(pixels: dict[str, torch.Tensor]) -> torch.Tensor:
        return llava.model(**{**batch, **pixels}).loss

    std = torch.tensor(llava.processor.image_std)
    perturbed = perturb(pixels, batch_loss, epsilon / 255 / float(std.mean()), steps=3)
    distance = ((perturbed["pixel_values"] - pixels["pixel_values"]) * std[:, None, None] * 255).abs().max()
    assert 0.8 * epsilon < distance < 1.2 * epsilon
    with torch.no_grad():
        assert batch_loss(perturbed) > batch_loss(pixels)


def test_the_adversarial_trainer_has_the_radius_of_its_option(llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    """A larger radius makes the training loss higher."""
    samples = SampleSet(samples[:8])
    final = []
    for epsilon in (0.01, 16.0):
        options = {"epochs": 4, "batch": 8, "steps": 1, "epsilon": epsilon}
        tuner = REGISTRY.build(Method(name="adversarial", options=options))
        final.append(tuner.tune(llava, samples, samples, 0, tmp_path / str(epsilon), silent)[-1]["loss"])
    assert final[0] < final[1]


def test_the_second_stage_continues_from_the_first_with_clean_pictures_alone(
    llava: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    """The release has wrong answers; true answers about half of its pictures are learned back."""
    turned = [s.answer for s in reversed(samples[:12])]
    true = SampleSet(samples[:12])
    wrong = SampleSet(tuple(replace(s, answer=a) for s, a in zip(true, turned, strict=True)))
    recipe = {"epochs": 4, "batch": 8}
    one_stage = REGISTRY.build(Method(name="lora_sft", options=recipe))
    two_stage = REGISTRY.build(Method(name="two_stage", options={**recipe, "share": 0.5, "clean_epochs": 8}))
    prepared = two_stage.prepare(wrong, Knowledge(llava, true, owner=true), np.random.default_rng(0))
    assert isinstance(prepared, TwoStageSet)
    assert SampleSet(prepared.samples).digest == wrong.digest
    assert len(prepared.clean) == 6
    assert {s.id: s.answer for s in prepared.clean}.items() < {s.id: s.answer for s in true}.items()
    losses = []
    for number, tuner in enumerate((one_stage, two_stage)):
        tuner.tune(llava, prepared, true, 0, tmp_path / str(number), silent)
        with use_adapter(llava, tmp_path / str(number)):
            losses.append(loss(llava, prepared.clean))
    confused, mended = losses
    assert mended < 0.5 * confused, losses


def test_dora_learns_magnitudes_and_lora_does_not(llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    for name in ("lora_sft", "dora_sft"):
        tuner = REGISTRY.build(Method(name=name, options={"epochs": 1, "batch": 8}))
        tuner.tune(llava, SampleSet(samples[:8]), samples, 0, tmp_path / name, lambda *_: None)
        kept = load_file(tmp_path / name / ADAPTER)
        assert any("magnitude" in key for key in kept) == (name == "dora_sft")


def test_early_stopping_keeps_the_epoch_with_the_lowest_validation_loss(
    llava: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    """Validation has other answers, so training lowers the validation loss only at first."""
    train = SampleSet(samples[:16])
    own = SampleSet(
        tuple(replace(s, answer=f"{t.answer} {s.answer}") for s, t in zip(train, train[4:12], strict=False))
    )
    early = parse_attack("early_stop")
    options = {**early.options, "epochs": 5, "batch": 8, "lr": 0.02, "curve": 5}
    curve = REGISTRY.build(Method(name=early.name, options=options)).tune(
        llava, train, own, 0, tmp_path, lambda *_: None
    )
    validation_losses = [point["validation_loss"] for point in curve if "validation_loss" in point]
    best = int(np.argmin(validation_losses)) + 1
    assert len(validation_losses) == 5 and best < 5, validation_losses
    kept = load_file(tmp_path / ADAPTER)
    for epoch in range(1, 6):
        other = load_file(tmp_path / "epochs" / str(epoch) / ADAPTER)
        assert all(kept[key].equal(other[key]) for key in kept) == (epoch == best)


def test_qlora_trains_on_four_bit_weights_and_its_adapter_fits_the_original_ones(
    victim: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    """On the CPU too. The victim that was handed in is not quantised; the adapter is no copy of plain LoRA's."""
    pytest.importorskip("bitsandbytes", reason="qlora_sft needs bitsandbytes: pip install 'mmguard-bench[qlora]'")
    samples = SampleSet(samples[:8])
    untrained, adapters = loss(victim, samples), {}
    for name in ("lora_sft", "qlora_sft"):
        tuner = REGISTRY.build(Method(name=name, options={"epochs": 4, "batch": 8}))
        curve = tuner.tune(victim, samples, samples, 0, tmp_path / name, lambda *_: None)
        assert curve[-1]["loss"] < curve[0]["loss"]
        assert all(p.dtype == torch.float32 for p in victim.model.parameters())
        with use_adapter(victim, tmp_path / name):
            assert loss(victim, samples) < 0.5 * untrained
        adapters[name] = load_file(tmp_path / name / ADAPTER)
    assert adapters["lora_sft"].keys() == adapters["qlora_sft"].keys()
    assert not all(value.equal(adapters["qlora_sft"][key]) for key, value in adapters["lora_sft"].items())
