"""Every tuner learns what it may, leaves the victim as it was, and is put on again as it was saved."""

from pathlib import Path

import numpy as np
import pytest
import torch

from attacks import REGISTRY
from attacks.parts import Knowledge
from attacks.tune.inputs import Augmented, Inputs
from attacks.tune.sft import worst
from bench.lvlm.adapters import WEIGHTS_FILE, non_tower_parameters, use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from bench.spec import Method

OPTIONS = {"adversarial": {"steps": 1}, "two_stage": {"share": 0.5, "clean_epochs": 1}}
ELSEWHERE = {
    "none": "trains nothing: test_base.py",
    "tuned": "a search over lora_sft, with options of its own: test_tuned.py",
    "qlora_sft": "needs bitsandbytes and a victim with a name: test_tuner_effects.py",
}
TUNERS = sorted(REGISTRY.catalog.keys() - ELSEWHERE.keys())


def loss(victim: LVLM, samples: SampleSet) -> float:
    """Mean answer NLL of some samples."""
    images = [torch.from_numpy(s.pixels).permute(2, 0, 1) for s in samples]
    with torch.no_grad():
        encoded = victim.encode([Prompt(s.question, s.answer) for s in samples], victim.layouts(images))
        return float(victim.loss(encoded, images).mean())


@pytest.mark.parametrize("name", TUNERS)
def test_a_tuner_learns_and_leaves_the_victim_alone(name: str, llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    before = {key: value.clone() for key, value in llava.model.state_dict().items()}
    attack = REGISTRY.build(Method(name=name, options={"epochs": 3, "batch": 8, **OPTIONS.get(name, {})}))
    prepared = attack.prepare(samples, Knowledge(llava, samples, owner=samples), np.random.default_rng(0))
    curve = attack.tune(llava, prepared, samples, 0, tmp_path, lambda *_: None)
    assert len(curve) >= 3
    assert all(value.equal(before[key]) for key, value in llava.model.state_dict().items())
    assert not any(p.requires_grad for p in llava.model.parameters()) and not llava.model.training
    untrained = loss(llava, samples)
    with use_adapter(llava, tmp_path):
        learned = loss(llava, samples)
    assert learned < untrained - 1
    assert loss(llava, samples) == untrained


def test_what_each_tuner_trains(llava: LVLM) -> None:
    def trained(name: str) -> set[str]:
        _, config = REGISTRY.build(Method(name=name)).start(llava)  # type: ignore[attr-defined]
        from bench.lvlm.adapters import attach_adapter

        with attach_adapter(llava, config):
            named = {n for n, p in llava.model.named_parameters() if p.requires_grad}
        return {part for part in ("vision_tower", "projector", "language_model") if any(part in n for n in named)}

    assert trained("lora_sft") == trained("dora_sft") == trained("adversarial") == {"projector", "language_model"}
    assert trained("projector_only") == {"projector"}
    assert trained("vision_lora") == {"vision_tower", "projector", "language_model"}


def test_full_weights_are_those_outside_the_tower(llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    attack = REGISTRY.build(Method(name="full_sft", options={"epochs": 1, "batch": 8}))
    attack.tune(llava, samples, samples, 0, tmp_path, lambda *_: None)
    saved = load_file(tmp_path / WEIGHTS_FILE)
    assert saved.keys() == non_tower_parameters(llava).keys()
    assert not any(name.startswith(llava.tower_prefixes) for name in saved)
    changed = [name for name, tensor in saved.items() if not tensor.equal(non_tower_parameters(llava)[name])]
    assert len(changed) > 0.9 * len(saved)


def test_of_several_looks_the_worst_is_learned(llava: LVLM, samples: SampleSet) -> None:
    some = samples[:4]
    inputs = Inputs(llava, some)
    batch = inputs.collate([{"index": i} for i in range(4)])
    blank = inputs.processed(np.zeros_like(some[0].pixels))
    looks = [[inputs.pixels[i] for i in range(4)], [blank] * 4]
    found = worst(llava.model, batch, looks, inputs)

    def each(pictures: list[np.ndarray]) -> torch.Tensor:
        images = [torch.from_numpy(p).permute(2, 0, 1) for p in pictures]
        with torch.no_grad():
            return llava.loss(llava.encode([Prompt(s.question, s.answer) for s in some], llava.layouts(images)), images)

    clean, black = each([s.pixels for s in some]), each([np.zeros_like(s.pixels) for s in some])
    assert [picture is blank for picture in found] == (black > clean).tolist()
    assert any(black > clean)


def test_pictures_are_augmented_anew_and_those_of_validation_are_not(llava: LVLM, samples: SampleSet) -> None:
    parts = REGISTRY.build(Method(name="lora_sft+crop_color")).parts
    inputs = Augmented(llava, samples[:6], 4, parts, 0)
    plain = Inputs(llava, samples[:6])
    for index in range(6):
        one, two = inputs.look(index), inputs.look(index)
        assert all(one[key].equal(two[key]) for key in one) is (index >= 4)
        assert all(one[key].equal(plain.pixels[index][key]) for key in one) is (index >= 4)
    again = Augmented(llava, samples[:6], 4, parts, 0)
    assert again.look(0)["pixel_values"].equal(Augmented(llava, samples[:6], 4, parts, 0).look(0)["pixel_values"])


@pytest.mark.parametrize("tuner", ["lora_sft", "adversarial"])
def test_ueraser_trains(tuner: str, llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    options = {"epochs": 2, "batch": 8, "ueraser.k": 2}
    samples = SampleSet(samples[:8])
    attack = REGISTRY.build(Method(name=f"{tuner}+ueraser", options=options))
    attack.tune(llava, samples, samples, 0, tmp_path, lambda *_: None)
    untrained = loss(llava, samples)
    with use_adapter(llava, tmp_path):
        assert loss(llava, samples) < untrained
