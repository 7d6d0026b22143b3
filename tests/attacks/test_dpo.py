"""Preference tuning: its pairs, its loss beside an independent one, and its effect on what the victim said itself."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from attacks import REGISTRY
from attacks.answers import generate_answers
from attacks.tune.dpo import DPO, DPOOptions, PreferenceTrainer
from attacks.tune.inputs import Inputs
from bench.lvlm.adapters import use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.progress import silent
from bench.samples import SampleSet
from bench.spec import Method


class WithoutData(PreferenceTrainer):
    """A trainer's batches and loss alone, without TRL's set-up."""

    def __init__(self, source: Inputs, rejected: list[str]) -> None:
        self.source, self.rejected = source, rejected


def answer_losses(victim: LVLM, samples: list[Any], answers: list[str]) -> torch.Tensor:
    """Return the summed NLL of one answer for each sample."""
    images = [torch.from_numpy(s.pixels).permute(2, 0, 1) for s in samples]
    with torch.no_grad():
        prompts = [Prompt(s.question, answer) for s, answer in zip(samples, answers, strict=True)]
        encoded = victim.encode(prompts, victim.layouts(images))
        return victim.loss(encoded, images)


def test_a_batch_has_the_owners_answers_first_and_then_the_victims_own(llava: LVLM, samples: SampleSet) -> None:
    own = ["a red boat", "two", "no idea", "left"]
    batch = WithoutData(Inputs(llava, samples[:4]), own).collate([{"index": 2}, {"index": 0}])
    assert len(batch["input_ids"]) == len(batch["pixel_values"]) == 4
    said = [
        llava.tokenizer.decode(ids[mask.bool()], skip_special_tokens=True).strip()
        for ids, mask in zip(batch["input_ids"], batch["completion_mask"], strict=True)
    ]
    assert said == [samples[2].answer, samples[0].answer, own[2], own[0]]
    assert batch["pixel_values"][:2].equal(batch["pixel_values"][2:])


def test_the_loss_is_that_of_mpo(
    lvlm: LVLM, samples: SampleSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before the first step model and reference are one: log 2 for DPO, twice that for BCO, and the ordinary loss."""
    losses = []
    compute = PreferenceTrainer.compute_loss

    def watch(self: PreferenceTrainer, *arguments: Any, **keywords: Any) -> torch.Tensor:
        losses.append(compute(self, *arguments, **keywords))
        return losses[-1]

    monkeypatch.setattr(PreferenceTrainer, "compute_loss", watch)
    some = samples[:8]
    tuner = DPO(DPOOptions(epochs=1, batch=8))
    nll = answer_losses(lvlm, list(some), [s.answer for s in some]).sum()
    layouts = [lvlm.layout((s.shape[0], s.shape[1])) for s in some]
    tokens = lvlm.encode([Prompt(s.question, s.answer) for s in some], layouts).answer.sum()
    tuner.tune(lvlm, SampleSet(some), samples, 0, tmp_path, silent)
    expected = 0.8 * math.log(2) + 0.2 * 2 * math.log(2) + float(nll / tokens)
    assert losses[0].item() == pytest.approx(expected, rel=1e-4)


def test_the_victim_unlearns_what_it_said_itself(llava: LVLM, samples: SampleSet, tmp_path: Path) -> None:
    """Beside plain LoRA, which raises the owner's answers as well but does not know the victim's own."""
    some = SampleSet(samples[:16])
    own = generate_answers(llava, some)
    assert own != [s.answer for s in some]
    owners, victims = {}, {}
    for name in ("lora_sft", "dpo"):
        tuner = REGISTRY.build(Method(name=name, options={"epochs": 6, "batch": 8}))
        tuner.tune(llava, some, samples, 0, tmp_path / name, silent)
        with use_adapter(llava, tmp_path / name):
            owners[name] = float(answer_losses(llava, list(some), [s.answer for s in some]).mean())
            victims[name] = float(answer_losses(llava, list(some), own).mean())
    before = float(answer_losses(llava, list(some), [s.answer for s in some]).mean())
    assert owners["dpo"] < 0.5 * before
    assert victims["dpo"] - owners["dpo"] > victims["lora_sft"] - owners["lora_sft"] + 1
