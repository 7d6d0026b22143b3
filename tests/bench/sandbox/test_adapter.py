"""An adapter that comes out of a sandbox is read as if an enemy had written it, and saved as a tuner saves its own."""

import io
import json
import pickle
from pathlib import Path

import pytest
import torch
from peft import get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save

from bench.errors import UserError
from bench.lvlm.adapters import copy_weights, lora_config, use_adapter
from bench.lvlm.base import LVLM
from bench.progress import silent
from bench.sandbox.adapter import ADAPTER, CURVE, SCALE, WEIGHTS, Scale, Trained, read_trained, save_trained
from bench.sandbox.release import Ended

Tensors = dict[str, torch.Tensor]


def make_adapter(victim: LVLM, *, dora: bool = False) -> Tensors:
    """Return the tensors of an adapter of rank 4 that changes answers."""
    torch.manual_seed(0)
    peft = get_peft_model(victim.model, lora_config(victim, 4, "language+projector", dora=dora))
    try:
        tensors = get_peft_model_state_dict(peft)
        return {
            name: torch.randn_like(tensor) if "lora_B" in name else tensor.clone() for name, tensor in tensors.items()
        }
    finally:
        peft.unload()
        victim.model.requires_grad_(False)


def write(victim: LVLM, tensors: Tensors, folder: Path, name: str = ADAPTER, alpha: float = 8) -> None:
    save_trained(Trained({name: save(tensors)}, Scale(alpha=alpha), []), victim, folder)


@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_is_saved_as_a_tuner_saves_it(lvlm: LVLM, tmp_path: Path, dora: bool) -> None:
    tensors = make_adapter(lvlm, dora=dora)
    write(lvlm, tensors, tmp_path)
    saved = load_file(tmp_path / ADAPTER)
    assert saved.keys() == tensors.keys()
    assert all(torch.equal(saved[name], tensors[name]) for name in tensors)
    config, tuner = (
        json.loads((tmp_path / "adapter_config.json").read_text()),
        lora_config(lvlm, 4, "language+projector"),
    )
    assert (config["r"], config["lora_alpha"], config["use_dora"]) == (4, tuner.lora_alpha, dora)
    with use_adapter(lvlm, tmp_path):
        used = {name for name, _ in lvlm.model.named_modules() if name.endswith("lora_A.default")}
        weights = {name: p for name, p in lvlm.model.named_parameters() if ".lora_" in name}
        given = {
            name.replace(".weight", ".default.weight").removeprefix("base_model.model."): t
            for name, t in tensors.items()
        }
        assert used and all(
            torch.equal(weights[name], given[name]) for name in given if ".lora_A" in name or ".lora_B" in name
        )


def test_the_same_adapter_is_the_same_bytes_in_every_process(llava: LVLM, tmp_path: Path) -> None:
    write(llava, make_adapter(llava), tmp_path)
    modules = json.loads((tmp_path / "adapter_config.json").read_text())["target_modules"]
    assert modules == sorted(modules) and len(modules) > 8  # a set would be in another order with other hashes of texts


def test_weights_are_saved_as_a_tuner_saves_them(llava: LVLM, tmp_path: Path) -> None:
    weights = {name: tensor + 1 for name, tensor in copy_weights(llava).items()}
    write(llava, weights, tmp_path, WEIGHTS)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in load_file(tmp_path / WEIGHTS).items())
    assert not (tmp_path / "adapter_config.json").exists()


def _first(tensors: Tensors) -> str:
    return min(name for name in tensors if "lora_A" in name)


def _renamed(tensors: Tensors) -> Tensors:
    return {name.replace(_first(tensors), "base_model.model.no.such.lora_A.weight"): t for name, t in tensors.items()}


CHANGES = {
    "NaN": (lambda t: t | {_first(t): t[_first(t)] * torch.nan}, "finite numbers"),
    "infinity": (lambda t: t | {_first(t): t[_first(t)] + torch.inf}, "finite numbers"),
    "whole numbers": (lambda t: t | {_first(t): t[_first(t)].int()}, "of int32 is not finite; allowed: finite numbers"),
    "another shape": (lambda t: t | {_first(t): t[_first(t)][:, :-1].clone()}, "of shape "),
    "two ranks": (lambda t: t | {_first(t): t[_first(t)][:-1]}, "of shape "),
    "one tensor too few": (
        lambda t: {n: v for n, v in t.items() if n != min(t).replace("lora_A", "lora_B")},
        "is missing; allowed: ",
    ),
    "one tensor too many": (lambda t: t | {"base_model.model.lm_head.weight": torch.zeros(2)}, "lm_head.weight"),
    "a module that is not there": (_renamed, "'no.such' is no linear layer"),
    "no module": (lambda t: {"x": torch.zeros(2)}, "no adapter of LoRA"),
    "nothing": (lambda t: {}, "no adapter of LoRA"),
    "a number for a matrix": (lambda t: {_first(t): torch.tensor(1.0)}, "rank 0; allowed: 1 to 4096"),
    "a rank of billions in no bytes": (lambda t: {_first(t): torch.zeros(2**33, 0)}, "rank 8589934592; allowed: "),
    "a rank of thousands in no bytes": (lambda t: {_first(t): torch.zeros(4096, 0)}, "of shape [4096, 0]; allowed: "),
    "numbers of 8 bits": (lambda t: t | {_first(t): t[_first(t)].to(torch.float8_e4m3fn)}, "of float8_e4m3fn is not"),
    "complex numbers": (lambda t: t | {_first(t): t[_first(t)].to(torch.complex64)}, "of complex64 is not"),
    "names that steer": (lambda t: t | {"\x1b[31m\n": torch.tensor([torch.nan])}, "\\x1b[31m"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_tensors_that_do_not_fit_are_one_line(llava: LVLM, tmp_path: Path, change: str) -> None:
    alter, told = CHANGES[change]
    with pytest.raises(UserError) as error:
        write(llava, alter(make_adapter(llava)), tmp_path)
    assert told in str(error.value) and str(error.value).isprintable(), str(error.value)


@pytest.mark.parametrize("name", ["no.such", "model.language_model.embed_tokens.weight"])
def test_weights_that_do_not_fit_are_one_line(llava: LVLM, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"{name}.* of shape \[1\]; allowed: "):
        write(llava, {name: torch.zeros(1)}, tmp_path, WEIGHTS)


def header(**tensors: object) -> bytes:
    """Return a file of safetensors with 8 bytes behind a header that says this."""
    text = json.dumps({name: {"dtype": "F32", "shape": [1], "data_offsets": at} for name, at in tensors.items()})
    return len(text).to_bytes(8, "little") + text.encode() + bytes(8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        pickle.dumps({"a": 1}),
        b"\xff" * 64,
        (2**62).to_bytes(8, "little") + b"{}",
        b"\2\0\0\0\0\0\0\0[]",
        header(a=[0, 4]),
        header(a=[0, 4], b=[0, 4]),
        header(a=[4, 8], b=[2, 6]),
        header(a=[0, 4], b=[4, 2**63]),
        header(a=[-4, 0]),
        header(a=[4, 0]),
    ],
)
def test_a_file_that_is_no_safetensors_is_one_line(llava: LVLM, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UserError, match=rf"{ADAPTER}: .*; allowed: a file of safetensors, as written"):
        save_trained(Trained({ADAPTER: data}, Scale(alpha=1), []), llava, tmp_path)


def stream(*files: tuple[str, bytes], end: bool = True) -> io.BytesIO:
    lines = [json.dumps({"file": name, "size": len(data)}).encode() + b"\n" + data for name, data in files]
    return io.BytesIO(b"".join(lines) + (b'{"done": true}\n' if end else b""))


def test_files_of_every_place_are_read() -> None:
    files = (
        (ADAPTER, b"a"),
        ("epochs/2/weights.safetensors", b"b"),
        (SCALE, b'{"alpha": 2}'),
        (CURVE, b'[{"step": 1}]'),
    )
    trained = read_trained(stream(*files), ("", "epochs/2"), 9, silent)
    assert trained.files == {ADAPTER: b"a", "epochs/2/weights.safetensors": b"b"}
    assert (trained.scale, trained.curve) == (Scale(alpha=2), [{"step": 1}])


BAD = {
    "no adapter": ((), "0 adapters for the place ''; allowed: one"),
    "two adapters": (((ADAPTER, b""), (WEIGHTS, b"")), "2 adapters for the place ''"),
    "a file that climbs": ((("../../x.safetensors", b""),), "the file '../../x.safetensors'; allowed: "),
    "a place of its own": ((("epochs/9/weights.safetensors", b""),), "the file 'epochs/9/weights.safetensors'"),
    "a configuration": ((("adapter_config.json", b"{}"),), "the file 'adapter_config.json'"),
    "a file twice": (((ADAPTER, b""), (ADAPTER, b"")), "the answer "),
    "more than the limit": (((ADAPTER, b"x" * 10),), "'adapter_model.safetensors' of 10 bytes; allowed: 9"),
    "a curve of texts": (((ADAPTER, b""), (CURVE, b'[{"step": "\x1b"}]')), "closed JSON"),
    "a curve of no numbers": (((ADAPTER, b""), (CURVE, b'[{"step": NaN}]')), "NaN is no number"),
    "no scale": (((ADAPTER, b""), (SCALE, b'{"alpha": 0}')), "closed JSON"),
    "more than a scale": (((ADAPTER, b""), (SCALE, b'{"alpha": 1, "auto_mapping": {}}')), "closed JSON"),
}


@pytest.mark.parametrize("bad", BAD)
def test_other_answers_are_one_line(bad: str) -> None:
    files, told = BAD[bad]
    with pytest.raises(UserError) as error:
        read_trained(stream(*files), ("",), 9, silent)
    assert told in str(error.value) and str(error.value).isprintable(), str(error.value)


def test_an_answer_that_is_short_has_ended() -> None:
    for answer in (stream((ADAPTER, b"a"), end=False), io.BytesIO(b'{"file": "weights.safetensors", "size": 9}\nx')):
        with pytest.raises(Ended):
            read_trained(answer, ("",), 9, silent)
