"""A home with eleven synthetic runs, whose numbers can be checked by hand, and the artefacts of one of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.results import Run, checked, published, save
from bench.samples import Sample, SampleSet
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL

__all__ = ["home", "make_run", "nothing_shipped", "run_factory"]

START = datetime(2026, 5, 1, tzinfo=UTC)
STAGES = {
    "original": "0" * 16,
    "protect": "1" * 16,
    "audit": "2" * 16,
    "attack": "3" * 16,
    "evaluate": "4" * 16,
    "zero": "5" * 16,
    "clean": "6" * 16,
}

ROWS: list[tuple[str, str, int, float, float, float, float]] = [
    # defense, attack, seed, validation, protection, low, high
    ("none", "lora_sft", 0, 0.70, 0.00, -0.05, 0.05),
    ("none", "jpeg", 0, 0.60, 0.10, 0.00, 0.20),
    ("mmguard", "lora_sft", 0, 0.20, 0.90, 0.80, 0.95),
    ("mmguard", "lora_sft", 1, 0.24, 0.80, 0.70, 0.99),
    ("mmguard", "jpeg", 0, 0.40, 0.60, 0.50, 0.70),
    ("mmguard", "jpeg", 1, 0.50, 0.50, 0.45, 0.55),
    ("em", "lora_sft", 0, 0.45, 0.40, 0.30, 0.50),
    # Strongest on test, but not what the trainer's validation split points to:
    ("em", "jpeg", 0, 0.35, 0.20, 0.10, 0.30),
    ("random_noise", "lora_sft", 0, 0.69, 0.02, -0.04, 0.08),
]


def make_run(number: int, **changes: Any) -> Run:
    """A run with a value in every column; `number` is its identity and its age."""
    values: dict[str, Any] = {
        "id": f"{number:016x}", "protocol": PROTOCOL, "evaluator": EVALUATOR, "defense": "mmguard",
        "defense_options": {}, "attack": "lora_sft", "attack_options": {}, "dataset": "emoji_catalog",
        "victim": "tiny-llava-a", "threat": "white", "seed": 0, "epsilon": 8, "words": 5, "utility_zero": 0.01,
        "utility_clean": 0.71, "utility": 0.25, "validation": 0.3, "validation_clean": 0.7,
        "baselines": {"zero": {"test": 0.01, "validation": 0.02}}, "protection": 0.66, "protection_low": 0.5,
        "protection_high": 0.75, "eligible": True,
        "stealth": {"linf": 8, "psnr": 33.5, "ssim": 0.91, "perceptual": 1.7, "words": 2, "edit_distance": 11.0},
        "cost": {"protect": {"seconds": 40.0, "peak_mb": 512.0, "image_steps_per_second": 5.5},
                 "attack": {"seconds": 20.0, "peak_mb": 700.0}, "evaluate": {"seconds": 3.0, "peak_mb": 600.0}},
        "stages": STAGES, "provenance": {"git": "abc1234", "packages": {"peft": "0.21.2"}},
        "command": f"bench run --defense mmguard --attack lora_sft --seed {number}",
        "created": START + timedelta(minutes=number),
    }  # fmt: skip
    return Run(**values | changes)


@pytest.fixture
def home(bench_home: Path) -> Path:
    """Nine comparable runs, one of an old evaluator and one that is not eligible; artefacts under STAGES."""
    for number, (defense, attack, seed, validation, protection, low, high) in enumerate(ROWS):
        scores = {"protection": protection, "protection_low": low, "protection_high": high, "validation": validation}
        stages = STAGES if seed == 0 else {**STAGES, "evaluate": "e" * 16}  # whose answers are elsewhere
        save(make_run(number, defense=defense, attack=attack, seed=seed, stages=stages, **scores))
    save(make_run(100, defense="tap", evaluator=EVALUATOR + 1, protection=0.99))
    save(make_run(101, defense="tap", eligible=False, protection=None, protection_low=None, protection_high=None))
    _artifacts(bench_home)
    return bench_home


def _artifacts(home: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(20, 230, (2, 8, 8, 3), dtype=np.uint8)
    original = [Sample(f"s{i}", f"p{i}", pixels[i], "What is <b>this</b>?", f"thing {i}") for i in range(2)]
    question = "What <script>alert(1)</script> is <b>this</b>?"
    noise = rng.choice(np.array([-8, 8]), pixels.shape)
    released = [s.with_release((s.pixels + n).astype(np.uint8), question) for s, n in zip(original, noise, strict=True)]
    SampleSet(tuple(original)).save(_folder(home, "protect", "original"))
    release = _folder(home, "protect", "protect")
    SampleSet(tuple(released)).save(release)
    history = [{"round": 1, "inner": 3.0, "outer": 2.0}, {"round": 2, "inner": 2.5, "outer": 1.0}]
    (release / "log.json").write_text(json.dumps({"history": history}))
    curve = [{"loss": 4.0, "step": 10}, {"loss": 2.0, "step": 20, "validation": 0.5}]
    (_folder(home, "attack", "attack") / "curve.json").write_text(json.dumps(curve))
    answers = {"zero": ["cat", "cat", "cat"], "clean": ["apple", "pear", "cat"], "evaluate": ["apple", "cat", "cat"]}
    targets = ["apple", "pear", "plum"]
    for key, predictions in answers.items():
        table = pd.DataFrame({"id": ["a", "b", "c"], "image_id": ["a", "b", "c"], "question": "What is this?",
                              "target": targets, "prediction": predictions})  # fmt: skip
        table["score"] = (table["prediction"] == table["target"]).astype(float)
        table.to_parquet(_folder(home, "evaluate", key) / "predictions.parquet")


def _folder(home: Path, stage: str, key: str) -> Path:
    folder = home / "artifacts" / stage / STAGES[key]
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"stage": stage, "payload": {}, "cost": {"seconds": 1.0}}))
    return folder


@pytest.fixture
def run_factory() -> Callable[..., Run]:
    """`make_run`, for tests that add runs of their own."""
    return make_run


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the app came without results, and the maintainers had played nothing."""
    monkeypatch.setattr(published, "FOLDER", tmp_path / "nothing shipped")
    monkeypatch.setattr(checked, "FILE", tmp_path / "checked.json")
