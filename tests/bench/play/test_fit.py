"""A stage that cannot fit into the memory of this machine is refused in one line, before anything is spent."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.play import fit
from bench.play.plan import make_plan
from bench.spec import Method, RunSpec


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that puts GPUs of some GB into this machine: a program that answers as the driver's does."""
    for name in ("BENCH_DEVICE", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)

    def install(*gigabytes: float) -> None:
        sizes = "".join(f"echo {int(size * 1e9 / 2**20)}\n" for size in gigabytes)
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncase $1 in *memory.total) {sizes};; *uuid) echo GPU-1;; esac\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return install


def refused(victim: str, attack: str, defense: str = "none", **fields: tuple[str, ...]) -> list[str]:
    """Return the kinds of the stages of a run that do not fit."""
    methods = {"defense": Method(name=defense), "attack": Method(name=attack)}
    plan = make_plan([RunSpec(**methods, victim=victim, dataset="textvqa", **fields)])
    return sorted({stage.kind for stage in fit.find_too_large(plan)})


@pytest.mark.usefixtures("bench_home")
@pytest.mark.parametrize(
    ("gigabytes", "victim", "attack", "kinds"),
    [
        (80, "qwen3-vl-8b", "full_sft", ["attack"]),
        (141, "qwen3-vl-8b", "full_sft", []),
        (80, "qwen3-vl-4b", "full_sft+jpeg", []),
        (24, "qwen3-vl-4b", "full_sft+jpeg", ["attack"]),
        (24, "qwen3-vl-8b", "lora_sft", []),
        (12, "qwen3-vl-8b", "lora_sft", ["attack", "evaluate"]),
        (12, "qwen3-vl-8b@4bit", "qlora_sft", []),
        (1, "tiny-llava-a", "full_sft", []),
    ],
)
def test_weights_and_what_full_training_adds_must_fit(
    cards: Callable[..., None], gigabytes: int, victim: str, attack: str, kinds: list[str]
) -> None:
    cards(gigabytes)
    assert refused(victim, attack) == kinds


@pytest.mark.usefixtures("bench_home")
def test_surrogates_are_loaded_together(cards: Callable[..., None]) -> None:
    cards(24)
    assert refused("qwen3-vl-4b", "lora_sft", "em") == []
    assert refused("qwen3-vl-4b", "lora_sft", "em", surrogates=("qwen3-vl-4b", "qwen3-vl-8b")) == ["protect"]


@pytest.mark.usefixtures("bench_home")
def test_one_model_has_the_largest_card_or_all_or_the_machine(
    cards: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cards(24, 80, 24)
    assert refused("qwen3-vl-8b", "full_sft") == ["attack"]
    monkeypatch.setenv("BENCH_DEVICE", "auto")
    assert refused("qwen3-vl-8b", "full_sft") == []
    monkeypatch.setenv("BENCH_DEVICE", "cpu")
    for gigabytes, kinds in ((64.0, ["attack"]), (128.0, [])):
        monkeypatch.setattr(fit, "hardware", lambda gigabytes=gigabytes: {"memory_gb": gigabytes})
        assert refused("qwen3-vl-8b", "full_sft") == kinds


@pytest.mark.usefixtures("bench_home")
def test_a_card_whose_memory_is_not_known_takes_everything(cards: Callable[..., None]) -> None:
    cards()
    assert refused("qwen3-vl-8b", "full_sft") == []
