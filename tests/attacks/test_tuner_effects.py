"""What is special to a tuner: adversarial pixels, a second stage, magnitudes, the best epoch, four-bit weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from attacks import REGISTRY
from attacks.grammar import attack
from attacks.parts import Knowledge
from attacks.tune.adversarial import AdversarialTrainer
from attacks.tune.inputs import Inputs
from bench.lvlm.adapters import use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from bench.spec import Method

ADAPTER = "adapter_model.safetensors"


def loss(victim: LVLM, samples: SampleSet) -> float:
    """Mean answer NLL of some samples."""
    images = [torch.from_numpy(s.pixels).permute(2, 0, 1) for s in samples]
    with torch.no_grad():
        encoded = victim.encode([Prompt(s.question, s.answer) for s in samples], victim.layouts(images))
        return float(victim.loss(encoded, images).mean())


@pytest.mark.parametrize("epsilon", [2.0, 8.0])
def test_adversarial_pixels_raise_the_loss_within_their_radius(llava: LVLM, samples: SampleSet, epsilon: float) -> None:
    """The radius is checked in levels, by undoing the processor's own normalisation."""
    tuner = REGISTRY.build(Method(name="adversarial", options={"epsilon": epsilon}))
    inputs = Inputs(llava, samples[:4])
    batch = inputs.collate([{"index": i} for i in range(4)])
    trainer = AdversarialTrainer.__new__(AdversarialTrainer)
    trainer.attack, trainer.source = tuner, inputs
    plain = {"pixel_values": batch["pixel_values"]}

    def value(pixels: dict[str, torch.Tensor]) -> float:
        with torch.no_grad():
            return float(llava.model(**{**batch, **pixels}).loss)

    def compute_loss(model: object, given: dict, *_: object, **__: object) -> torch.Tensor:
        return llava.model(**given).loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attacks.tune.sft.Trainer.compute_loss", lambda self, *a, **n: compute_loss(*a, **n))
        moved = trainer._moved(llava.model, batch, plain)
    std = torch.tensor(llava.processor.image_std)[:, None, None]
    reach = ((moved["pixel_values"] - plain["pixel_values"]) * std * 255).abs().max()
    assert 0.8 * epsilon < reach < 1.2 * epsilon
    assert value(moved) > value(plain)


def test_the_second_stage_goes_on_from_the_first_with_clean_pictures_alone(
    llava: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    """A release of wrong answers, then true ones about a half of its pictures: these are learned back."""
    turned = [s.answer for s in reversed(samples[:12])]
    true = SampleSet(samples[:12])
    wrong = SampleSet(tuple(replace(s, answer=a) for s, a in zip(true, turned, strict=True)))
    recipe = {"epochs": 4, "batch": 8}
    first = REGISTRY.build(Method(name="lora_sft", options=recipe))
    both = REGISTRY.build(Method(name="two_stage", options={**recipe, "share": 0.5, "clean_epochs": 8}))
    assert both.prepare(wrong, Knowledge(llava, true, owner=true), np.random.default_rng(0)) is wrong
    assert (
        len(both.second) == 6 and {s.id: s.answer for s in both.second}.items() < {s.id: s.answer for s in true}.items()
    )
    found = []
    for number, tuner in enumerate((first, both)):
        tuner.tune(llava, wrong, true, 0, tmp_path / str(number), lambda *_: None)
        with use_adapter(llava, tmp_path / str(number)):
            found.append(loss(llava, both.second))
    confused, mended = found
    assert mended < 0.5 * confused, found


def test_dora_learns_magnitudes_and_lora_does_not(llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    for name in ("lora_sft", "dora_sft"):
        tuner = REGISTRY.build(Method(name=name, options={"epochs": 1, "batch": 8}))
        tuner.tune(llava, SampleSet(samples[:8]), samples, 0, tmp_path / name, lambda *_: None)
        kept = load_file(tmp_path / name / ADAPTER)
        assert any("magnitude" in key for key in kept) == (name == "dora_sft")


def test_early_stopping_keeps_the_epoch_with_the_least_validation_loss(
    llava: LVLM, samples: SampleSet, tmp_path: Path
) -> None:
    """Validation names every thing differently: learning helps at first and then no more."""
    train = SampleSet(samples[:16])
    own = SampleSet(
        tuple(replace(s, answer=f"{t.answer} {s.answer}") for s, t in zip(train, train[4:12], strict=False))
    )
    early = attack("early_stop")
    options = {**early.options, "epochs": 5, "batch": 8, "lr": 0.02, "curve": 5}
    curve = REGISTRY.build(Method(name=early.name, options=options)).tune(
        llava, train, own, 0, tmp_path, lambda *_: None
    )
    told = [point["validation_loss"] for point in curve if "validation_loss" in point]
    best = int(np.argmin(told)) + 1
    assert len(told) == 5 and best < 5, told
    kept = load_file(tmp_path / ADAPTER)
    for epoch in range(1, 6):
        other = load_file(tmp_path / "epochs" / str(epoch) / ADAPTER)
        assert all(kept[key].equal(other[key]) for key in kept) == (epoch == best)


def test_qlora_trains_on_four_bit_weights_and_its_adapter_fits_the_whole_ones(
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
