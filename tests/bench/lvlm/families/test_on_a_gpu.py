"""Every family works with its weights on a GPU: no tensor on the CPU is mixed with them."""

import numpy as np
import pytest
import torch

from attacks.tune.inputs import Inputs
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.lvlm.attention import Recorder
from bench.lvlm.features import cache_features
from bench.samples import Sample, SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from tests.bench.lvlm.fake_gpu import GPU, FakeGPU
from tests.bench.lvlm.families.test_contract import PROMPTS, USUAL, tensor
from tests.bench.lvlm.families.tiny import VARIANTS


def test_devices_are_kept_apart() -> None:
    """The fake GPU refuses the operations that a real one refuses; otherwise the tests below would prove nothing."""
    with FakeGPU():
        here, there = torch.ones(3), torch.ones(3, device=GPU)
        assert there.device == GPU and (there + 1).device == GPU and (there.cpu() + here).device.type == "cpu"
        assert (there * torch.tensor(2.0) + there[torch.tensor([0, 1, 2])]).tolist() == [3, 3, 3]
        for mixed in (
            lambda: here + there,
            lambda: here[there.long()],
            lambda: torch.cat([here, there]),
            lambda: there.masked_fill(here > 0, 0),
            lambda: torch.isin(there, here),
        ):
            with pytest.raises(RuntimeError, match="same device"):
                mixed()
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        leaf = torch.ones(2, device=GPU, requires_grad=True)
        assert torch.autograd.grad(leaf.square().sum(), leaf)[0].tolist() == [2, 2]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_method_of_a_model_works_on_a_gpu(name: str) -> None:
    """Losses, gradients, rows, prefixes, training and answers, from pictures that are still on the CPU."""
    lvlm = VARIANTS[name]()
    images = [tensor(p) for p in USUAL]
    with torch.no_grad():
        expected = lvlm.loss(lvlm.encode(PROMPTS, lvlm.layouts(images)), images)
        intensity = lvlm.intensity(images, [image.flip(1) for image in images])
        answers = lvlm.generate([p.question for p in PROMPTS], USUAL, 3)
    with FakeGPU():
        lvlm.model.to(GPU)
        leaves = [image.requires_grad_(True) for image in images]
        encoded = lvlm.encode(PROMPTS, lvlm.layouts(leaves))
        recorder = Recorder(lvlm.attention_layers[:1], [encoded.answer])
        loss = lvlm.forward(encoded, leaves, recorder=recorder).loss
        (row,) = recorder.rows[lvlm.attention_layers[0]]
        torch.testing.assert_close(loss.cpu(), expected, rtol=1e-3, atol=1e-3)
        for gradient in torch.autograd.grad(loss.sum() + row.sum(), leaves):
            assert gradient.device.type == "cpu" and gradient.any()
        flipped = [image.flip(1).to(GPU) for image in images]
        for ours, theirs in zip(lvlm.intensity(images, flipped), intensity, strict=True):
            torch.testing.assert_close(ours.cpu(), theirs)

        one = lvlm.encode(PROMPTS[:1], lvlm.layouts(images[:1]))
        prefix = lvlm.compute_prefix(one, images[:1])
        leaf = lvlm.embedding(one.ids[:, prefix.length :]).detach().requires_grad_(True)
        shorter = lvlm.forward(one, images[:1], prefix=prefix, inputs_embeds=leaf).loss
        assert torch.autograd.grad(shorter.sum(), leaf)[0].device == GPU

        pairs = zip(PROMPTS, USUAL, strict=True)
        inputs = Inputs(lvlm, [Sample(p.question, p.question, a, p.question, p.answer) for p, a in pairs])
        assert all(value.device.type == "cpu" for picture in inputs.pictures(range(3)) for value in picture.values())
        with attach_adapter(lvlm, lora_config(lvlm, 2, "all")) as parameters:
            batch = inputs.collate([{"index": i} for i in range(3)])
            trained = torch.autograd.grad(lvlm.model(**batch).loss, parameters, allow_unused=True)
            assert any(gradient is not None and gradient.any() for gradient in trained)
        with cache_features(lvlm):
            for _ in range(2):
                assert lvlm.generate([p.question for p in PROMPTS], USUAL, 3) == answers


@pytest.mark.parametrize(("method", "places"), [("mmguard", (GPU, "cpu")), ("mmguard_crs", ("cpu", GPU))])
def test_surrogates_may_be_on_different_devices(method: str, places: tuple[str | torch.device, ...]) -> None:
    """The release is that of one device, apart from the signs of gradients near zero."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    samples = SampleSet(tuple(Sample(f"s{i}", f"p{i}", p, "What is this?", "cat") for i, p in enumerate(pictures)))
    options = {"rounds": 1, "image_steps": 2, "batch": 2, "candidates": 1}

    def release(*places: str | torch.device) -> SampleSet:
        surrogates = [VARIANTS["llava"](), VARIANTS["qwen3_vl"]()]
        for surrogate, place in zip(surrogates, places, strict=True):
            surrogate.model.to(place)
        defense = REGISTRY.build(Method(name=method, options=options))
        return defense.protect(samples, surrogates, Budget(words=1), np.random.default_rng(0), lambda *_: None).samples

    here = release("cpu", "cpu")
    with FakeGPU():
        there = release(*places)
    for ours, theirs in zip(there, here, strict=True):
        assert (ours.pixels == theirs.pixels).mean() > 0.95
        assert ours.question == theirs.question
