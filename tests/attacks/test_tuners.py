"""Every tuner learns, leaves the victim as it was, and saves an adapter that can be loaded again."""

from pathlib import Path

import numpy as np
import pytest
import torch

from attacks import REGISTRY
from attacks.parts import Knowledge
from attacks.tune.inputs import AugmentedInputs, Inputs
from attacks.tune.sft import SFT
from attacks.tune.trainer import select_hardest
from bench.errors import UserError
from bench.lvlm.adapters import WEIGHTS_FILE, attach_adapter, non_tower_parameters, use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from bench.spec import Method

QUICK = {"adversarial": {"steps": 1}, "two_stage": {"share": 0.5, "clean_epochs": 1}}
"""Options that only save time."""

# qlora_sft needs bitsandbytes and an embedded victim: test_tuner_effects.py.
TUNERS = [name for name in REGISTRY.catalog if issubclass(REGISTRY.get(name), SFT) and name != "qlora_sft"]


def loss(victim: LVLM, samples: SampleSet) -> float:
    """Return the mean answer NLL of samples."""
    images = [torch.from_numpy(s.pixels).permute(2, 0, 1) for s in samples]
    with torch.no_grad():
        encoded = victim.encode([Prompt(s.question, s.answer) for s in samples], victim.layouts(images))
        return float(victim.loss(encoded, images).mean())


@pytest.mark.parametrize("name", TUNERS)
def test_a_tuner_learns_and_leaves_the_victim_alone(name: str, llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    before = {key: value.clone() for key, value in llava.model.state_dict().items()}
    attack = REGISTRY.build(Method(name=name, options={"epochs": 3, "batch": 8, **QUICK.get(name, {})}))
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


def test_each_tuner_trains_its_own_modules(llava: LVLM) -> None:
    def trained(name: str) -> set[str]:
        tuner = REGISTRY.build(Method(name=name))
        assert isinstance(tuner, SFT)
        with tuner.session(llava) as session, attach_adapter(llava, session.adapter):
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


def test_the_tower_is_trained_where_asked_for_and_restored(llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    before = {name: parameter.detach().clone() for name, parameter in llava.model.named_parameters()}
    attack = REGISTRY.build(Method(name="full_sft", options={"epochs": 1, "batch": 8, "tower": True}))
    attack.tune(llava, samples, samples, 0, tmp_path, lambda *_: None)
    saved = load_file(tmp_path / WEIGHTS_FILE)
    assert saved.keys() == before.keys()
    tower = [name for name in saved if name.startswith(llava.tower_prefixes)]
    assert np.mean([not saved[name].equal(before[name]) for name in tower]) > 0.8
    with use_adapter(llava, tmp_path):
        assert all(parameter.equal(saved[name]) for name, parameter in llava.model.named_parameters())
    assert all(parameter.equal(before[name]) for name, parameter in llava.model.named_parameters())


def test_of_several_candidates_the_hardest_is_selected(llava: LVLM, samples: SampleSet) -> None:
    some = samples[:4]
    inputs = Inputs(llava, some)
    batch = inputs.collate([{"index": i} for i in range(4)])
    blank = llava.run_processor([np.zeros_like(some[0].pixels)])
    candidates = [inputs.pictures(range(4)), [blank] * 4]
    selected = select_hardest(llava.model, batch, candidates, inputs)

    def losses(pictures: list[np.ndarray]) -> torch.Tensor:
        images = [torch.from_numpy(p).permute(2, 0, 1) for p in pictures]
        with torch.no_grad():
            return llava.loss(llava.encode([Prompt(s.question, s.answer) for s in some], llava.layouts(images)), images)

    clean, black = losses([s.pixels for s in some]), losses([np.zeros_like(s.pixels) for s in some])
    assert [picture is blank for picture in selected] == (black > clean).tolist()
    assert any(black > clean)


def test_processed_pictures_fill_a_limit_and_no_more(
    llava: LVLM, samples: SampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = [*samples[:3], samples[0].change(id="again", question="Once more?")]
    expected = Inputs(llava, three).pictures(range(4))
    size = sum(value.nbytes for value in expected[0].values())
    monkeypatch.setattr("attacks.tune.inputs.LIMIT", 2 * size)
    inputs = Inputs(llava, three)
    for _ in range(2):
        first = [inputs.pictures([i])[0] for i in range(4)]
        assert all(one[key].equal(two[key]) for one, two in zip(first, expected, strict=True) for key in one)
    assert inputs.kept_bytes == 2 * size
    assert [inputs.pictures([i])[0] is first[i] for i in range(4)] == [True, True, False, True]
    assert inputs.pictures([3])[0] is inputs.pictures([0])[0], "samples of one picture share it"


def test_a_sample_that_the_victim_cannot_read_is_refused_before_the_first_step(llava: LVLM, samples: SampleSet) -> None:
    bad = samples[1].change(question=f"What is {llava.text.image_token}?")
    with pytest.raises(UserError, match="allowed: text without image tokens"):
        Inputs(llava, [samples[0], bad])


def test_a_batch_has_the_tokens_of_its_samples_alone(llava: LVLM, samples: SampleSet) -> None:
    batch = Inputs(llava, samples).collate([{"index": 3}, {"index": 1}])
    chosen = [samples[3], samples[1]]
    shapes = [(s.shape[0], s.shape[1]) for s in chosen]
    expected = llava.encode([Prompt(s.question, s.answer) for s in chosen], [llava.layout(shape) for shape in shapes])
    assert batch["input_ids"].equal(expected.ids)
    assert batch["labels"].equal(expected.ids.masked_fill(~expected.answer, -100))


def test_pictures_are_augmented_anew_and_those_of_validation_are_not(llava: LVLM, samples: SampleSet) -> None:
    parts = REGISTRY.build(Method(name="lora_sft+crop_color")).parts
    inputs = AugmentedInputs(llava, samples[:6], 4, parts, 0)
    plain = Inputs(llava, samples[:6]).pictures(range(6))
    for indices in ([0, 1, 2, 3], [4, 5]):
        for index, one, two in zip(indices, inputs.pictures(indices), inputs.pictures(indices), strict=True):
            assert all(one[key].equal(two[key]) for key in one) is (index >= 4)
            assert all(one[key].equal(plain[index][key]) for key in one) is (index >= 4)


def test_augmentations_depend_on_the_seed_alone(llava: LVLM, samples: SampleSet) -> None:
    parts = REGISTRY.build(Method(name="lora_sft+crop_color")).parts

    def draw(threads: int, seed: int, *batches: list[int]) -> torch.Tensor:
        inputs, before = AugmentedInputs(llava, samples[:4], 4, parts, seed), torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return torch.cat([inputs.collate_pictures(inputs.pictures(batch))["pixel_values"] for batch in batches])
        finally:
            torch.set_num_threads(before)

    one = draw(1, 0, [0, 1, 2, 3])
    assert one.equal(draw(3, 0, [0, 1, 2, 3])), "however many threads there are"
    assert one.equal(draw(3, 0, [0, 1], [2, 3])), "and into however many batches they are cut"
    assert not one.equal(draw(1, 1, [0, 1, 2, 3]))


@pytest.mark.parametrize("tuner", ["lora_sft", "adversarial"])
def test_ueraser_trains(tuner: str, llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    options = {"epochs": 2, "batch": 8, "ueraser.k": 2}
    samples = SampleSet(samples[:8])
    attack = REGISTRY.build(Method(name=f"{tuner}+ueraser", options=options))
    attack.tune(llava, samples, samples, 0, tmp_path, lambda *_: None)
    untrained = loss(llava, samples)
    with use_adapter(llava, tmp_path):
        assert loss(llava, samples) < untrained
