"""The exact prompts of every victim: a changed prompt makes older numbers incomparable, so a test must fail.

BENCH_UPDATE_PROMPTS=1 pytest tests/bench/tasks/test_prompts.py    # writes prompts.json again
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench import datasets
from bench.datasets.hub.adapter import ask_for_phrase, ask_with_options
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load
from bench.samples import Sample, SampleSet
from bench.scoring.matching import EVALUATOR
from bench.scoring.rules import RULES
from bench.stages.evaluate import evaluate
from bench.victims import EMBEDDED

FILE = Path(__file__).with_name("prompts.json")
HINT = "the prompt changed: raise EVALUATOR in bench/scoring/matching.py, then write prompts.json again (see above)"

QUESTIONS = {
    "exact": ("What is shown in the picture?", "red apple", ()),
    "choice": (ask_with_options("What colour is it?", ("red", "blue")), "B", ("red", "blue")),
    "vqa": (ask_for_phrase("What does the sign say?"), "stop", ()),
    "anls": (ask_for_phrase("What is the date of the letter?"), "12/03/98", ()),
    "caption": ("Describe the picture.", "A dog runs.", ()),
}


def sample_set() -> SampleSet:
    """Return one question for each rule, about one gray picture."""
    gray = np.full((64, 64, 3), 128, np.uint8)
    return SampleSet(
        tuple(
            Sample(rule, "gray", gray, question, answer, choices=choices, rule=rule)  # type: ignore[arg-type]
            for rule, (question, answer, choices) in QUESTIONS.items()
        )
    )


def read(victim: LVLM, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the victim's prompt for each rule with special tokens, and with the number of image tokens in each run."""
    texts: list[str] = []

    def generate(*, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> torch.Tensor:
        for ids, mask in zip(input_ids, attention_mask.bool(), strict=True):
            text = victim.tokenizer.decode(ids[mask], skip_special_tokens=False, clean_up_tokenization_spaces=False)
            token = re.escape(victim.image_token)
            runs = re.compile(rf"{token}(?:\s?{token})*")
            texts.append(runs.sub(lambda run: f"[{run[0].count(victim.image_token)} image tokens]", text))
        return input_ids

    monkeypatch.setattr(datasets, "load", lambda *_: sample_set())
    monkeypatch.setattr(victim.model, "generate", generate)
    evaluate(victim, "a data set", "test", lambda *_: None)
    return dict(zip(QUESTIONS, texts, strict=True))


@pytest.mark.parametrize("name", EMBEDDED)
def test_prompts_are_as_they_were(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = read(load(name), monkeypatch)
    assert now.keys() == RULES.keys()
    if "BENCH_UPDATE_PROMPTS" in os.environ:
        prompts = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
        prompts |= {name: now, "evaluator": EVALUATOR}
        FILE.write_text(json.dumps(prompts, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    assert json.loads(FILE.read_text(encoding="utf-8"))[name] == now, HINT


def test_the_snapshots_are_those_of_this_evaluator_and_of_these_victims() -> None:
    prompts = json.loads(FILE.read_text(encoding="utf-8"))
    assert prompts.pop("evaluator") == EVALUATOR, HINT
    assert prompts.keys() == EMBEDDED.keys()


def test_a_changed_prompt_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more word before the question changes the prompt of every rule."""
    victim = load("tiny-llava-a")
    monkeypatch.setattr(victim.text, "before", victim.text.before + "Please: ")
    prompts = json.loads(FILE.read_text(encoding="utf-8"))["tiny-llava-a"]
    assert all(now != prompts[rule] for rule, now in read(victim, monkeypatch).items())
