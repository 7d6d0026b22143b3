"""Adapters come and go without a trace in the base model."""

import copy
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from bench.lvlm.adapters import attach_adapter, lora_config, merge_adapter, separate_adapter, use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded, Prompt

TARGETS = ("language", "projector", "language+projector", "all")


class Base:
    """Weights, module names and outputs of a model as they are now."""

    def __init__(self, lvlm: LVLM, images: list[torch.Tensor]) -> None:
        self.lvlm, self.images = lvlm, images
        self.encoded: Encoded = lvlm.encode([Prompt("What is this?", "cat")], lvlm.layouts(images))
        self.weights = {k: v.clone() for k, v in lvlm.model.state_dict().items()}
        self.modules = [name for name, _ in lvlm.model.named_modules()]
        self.loss = self.now()

    @torch.no_grad()
    def now(self) -> torch.Tensor:
        """Return the loss with the adapter that is attached."""
        return self.lvlm.loss(self.encoded, self.images)

    def assert_untouched(self) -> None:
        """Assert that weights, modules and loss are unchanged, to the bit."""
        weights = self.lvlm.model.state_dict()
        assert weights.keys() == self.weights.keys()
        assert all(torch.equal(weights[k], v) for k, v in self.weights.items())
        assert [name for name, _ in self.lvlm.model.named_modules()] == self.modules
        assert not hasattr(self.lvlm.model, "peft_config")
        assert all(p.grad is None and not p.requires_grad for p in self.lvlm.model.parameters())
        assert torch.equal(self.now(), self.loss)


@pytest.fixture
def base(lvlm: LVLM, tensors: list[torch.Tensor]) -> Base:
    """A family's model and one sample."""
    return Base(lvlm, tensors[:1])


def learn(base: Base, parameters: list[torch.nn.Parameter]) -> None:
    """Take two steps of training, large enough to change the loss."""
    optimiser = torch.optim.SGD(parameters, lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        base.lvlm.loss(base.encoded, base.images).sum().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()


@pytest.mark.parametrize("targets", TARGETS)
def test_an_adapter_learns_and_leaves(base: Base, targets: str) -> None:
    with attach_adapter(base.lvlm, lora_config(base.lvlm, 4, targets)) as parameters:
        assert torch.equal(base.now(), base.loss), "a fresh adapter changes nothing"
        learn(base, parameters)
        assert base.now() < base.loss
    base.assert_untouched()


def test_an_adapter_leaves_after_an_error_too(base: Base) -> None:
    with pytest.raises(KeyError), attach_adapter(base.lvlm, lora_config(base.lvlm, 4, "all")) as parameters:
        learn(base, parameters)
        raise KeyError
    base.assert_untouched()


@pytest.mark.parametrize("targets", TARGETS)
def test_a_merged_adapter_says_the_same_and_comes_out_again_bit_for_bit(base: Base, targets: str) -> None:
    """Its loss and the gradient of the pictures, by passes that do not run the adapter's own layers."""

    def losses() -> tuple[torch.Tensor, torch.Tensor, int]:
        calls = []
        layers = [module for name, module in base.lvlm.model.named_modules() if name.endswith("lora_A.default")]
        hooks = [layer.register_forward_hook(lambda *_: calls.append(1)) for layer in layers]
        leaf = base.images[0].clone().requires_grad_(True)
        loss = base.lvlm.loss(base.encoded, [leaf]).sum()
        (gradient,) = torch.autograd.grad(loss, leaf)
        for hook in hooks:
            hook.remove()
        return loss.detach(), gradient, len(calls)

    with attach_adapter(base.lvlm, lora_config(base.lvlm, 4, targets)) as parameters:
        learn(base, parameters)
        state = {name: value.clone() for name, value in base.lvlm.model.state_dict().items()}
        alone, (loss, gradient, _) = base.now(), losses()
        for _ in range(2):
            weights = merge_adapter(base.lvlm)
            merged_loss, merged_gradient, calls = losses()
            assert calls == 0
            torch.testing.assert_close(merged_loss, loss, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(merged_gradient, gradient, rtol=1e-2, atol=1e-3 * float(gradient.abs().max()))
            separate_adapter(base.lvlm, weights)
            after = base.lvlm.model.state_dict()
            assert all(torch.equal(after[name], value) for name, value in state.items())
            assert torch.equal(base.now(), alone)
    base.assert_untouched()


def test_a_fresh_adapter_changes_no_bit_when_it_is_merged(base: Base) -> None:
    """So that methods whose surrogates never learn make the same release as before."""
    with attach_adapter(base.lvlm, lora_config(base.lvlm, 4, "language+projector")):
        weights = merge_adapter(base.lvlm)
        assert weights and torch.equal(base.now(), base.loss)
        separate_adapter(base.lvlm, weights)
    base.assert_untouched()


@pytest.mark.parametrize("part", ["", "language_model"])
def test_where_some_weights_are_in_half_precision_an_adapter_stays_beside_them(base: Base, part: str) -> None:
    copied = LVLMCopy(base).lvlm
    for name, module in copied.model.named_modules():
        if isinstance(module, torch.nn.Linear) and part in name:
            module.to(torch.bfloat16)
    with attach_adapter(copied, lora_config(copied, 4, "language")):
        assert merge_adapter(copied) == {}
        separate_adapter(copied, {})
        assert not any(getattr(module, "merged", False) for module in copied.model.modules())


def test_only_the_adapter_is_trained(base: Base) -> None:
    with attach_adapter(base.lvlm, lora_config(base.lvlm, 4, "language")) as parameters:
        trained = {id(p) for p in base.lvlm.model.parameters() if p.requires_grad}
        named = {n: p for n, p in base.lvlm.model.named_parameters() if "lora_" in n}
        assert trained == {id(p) for p in parameters} == {id(p) for p in named.values()}
        assert {p.shape[0] for n, p in named.items() if "lora_A" in n} == {4}
        assert all("language_model" in name for name in named)


def test_adapters_start_from_torchs_generator(base: Base) -> None:
    starts = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        with attach_adapter(base.lvlm, lora_config(base.lvlm, 4, "language")) as parameters:
            starts.append(torch.cat([p.detach().flatten().clone() for p in parameters]))
    assert torch.equal(starts[0], starts[1]) and not torch.equal(starts[0], starts[2])


def test_two_adapters_one_after_the_other_do_not_warn(base: Base, recwarn: pytest.WarningsRecorder) -> None:
    for _ in range(2):
        with attach_adapter(base.lvlm, lora_config(base.lvlm, 4, "language")):
            pass
    assert not [w for w in recwarn if "PEFT" in str(w.message) or "peft" in str(w.message)]


@pytest.mark.parametrize("targets", TARGETS)
def test_the_config_names_every_linear_layer_of_its_parts(lvlm: LVLM, targets: str) -> None:
    """Every linear layer but the head is in exactly one part."""
    chosen = {"language", "projector", "tower"} if targets == "all" else set(targets.split("+"))
    expected = set()
    for name, module in lvlm.model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            projector = "multi_modal_projector" in name or "merger" in name
            part = "language" if "language_model" in name else "projector" if projector else "tower"
            expected |= {name} if part in chosen else set()
    model = get_peft_model(copy.deepcopy(lvlm.model), lora_config(lvlm, 2, targets))
    found = {n.split(".lora_A")[0] for n, _ in model.base_model.model.named_parameters() if "lora_A" in n}
    assert found == expected


def saved_adapter(base: Base, folder: Path, dropout: float = 0.0) -> torch.Tensor:
    """Train and save an adapter on a copy of the model; return its loss."""
    torch.manual_seed(0)
    copied = LVLMCopy(base)
    peft = get_peft_model(copied.lvlm.model, lora_config(copied.lvlm, 4, "language+projector", dropout))
    learn(copied, [p for p in peft.parameters() if p.requires_grad])
    peft.save_pretrained(folder)
    peft.eval()
    return copied.now()


class LVLMCopy(Base):
    """The same sample with a copy of the model."""

    def __init__(self, base: Base) -> None:
        super().__init__(copy.copy(base.lvlm), base.images)
        self.lvlm.model = copy.deepcopy(base.lvlm.model)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_saved_adapter_is_used_as_it_was(base: Base, tmp_path: Path, dropout: float) -> None:
    expected = saved_adapter(base, tmp_path, dropout)
    assert expected != base.loss
    with use_adapter(base.lvlm, tmp_path):
        assert torch.equal(base.now(), expected)
        assert torch.equal(base.now(), expected), "dropout is off"
    base.assert_untouched()


def test_without_a_folder_the_base_is_used(base: Base) -> None:
    with use_adapter(base.lvlm, None):
        base.assert_untouched()
    base.assert_untouched()


def test_an_adapter_is_taken_off_after_an_error_too(base: Base, tmp_path: Path) -> None:
    saved_adapter(base, tmp_path)
    with pytest.raises(KeyError), use_adapter(base.lvlm, tmp_path):
        raise KeyError
    base.assert_untouched()


def test_a_broken_adapter_leaves_no_trace(base: Base, tmp_path: Path) -> None:
    """Other runs of the same process use the shared base model afterwards."""
    saved_adapter(base, tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    own = LVLMCopy(base)
    with pytest.raises(Exception, match=r"[Hh]eader|[Ss]afetensors|deserializ"), use_adapter(own.lvlm, tmp_path):
        pass
    own.assert_untouched()


def test_alpha_is_twice_the_rank(lvlm: LVLM) -> None:
    config = lora_config(lvlm, 8, "language", 0.1)
    assert isinstance(config, LoraConfig)
    assert (config.r, config.lora_alpha, config.lora_dropout) == (8, 16, 0.1)
