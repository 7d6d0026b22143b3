"""Checkpoints as their publishers lay them out, on tiny random weights, play `bench run`: crafted, trained and judged.

Each plays on two of the 24 concepts of `emoji_smoke`: some read a picture of 64 pixels as thousands of patches.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from bench import datasets
from bench.datasets.emoji import smoke
from tests.bench.cli.conftest import cli  # noqa: F401 - a fixture
from tests.bench.lvlm.families.published_settings import SETTINGS, write_checkpoint

QUICK = {"llava", "qwen3_vl", "internvl"}
"""One that crops to a square, one that keeps the picture's own size, and one that cuts it into tiles."""

CRAFT = ("--defense", "em", "-o", "rounds=1", "-o", "image_steps=1", "-o", "inner_steps=1", "-o", "batch=8")
TRAIN = ("--attack", "lora_sft", "-a", "epochs=2", "-a", "batch=1", "-a", "lr=0.02")


@pytest.fixture
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two concepts in `emoji_smoke`, during one test: two pictures to train on, two to choose by, two to judge by."""
    monkeypatch.setattr(smoke, "CONCEPTS", 2)
    monkeypatch.setattr(smoke, "RENDERINGS", {"train": 1, "validation": 1, "test": 1})
    datasets.load.cache_clear()
    yield
    datasets.load.cache_clear()


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS],
)
def test_a_family_with_published_settings_plays_a_whole_run(
    name: str,
    cli: Callable,  # noqa: F811
    bench_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    victim = write_checkpoint(name, tmp_path_factory.mktemp(name))
    output = cli("run", *CRAFT, *TRAIN, "--dataset", "emoji_smoke", "--victim", str(victim), "--force", "--json")
    assert output.code == 0, output.err
    (row,) = json.loads(output.out)["runs"]
    artifacts, stages = bench_home / "artifacts", row["stages"]
    assert row["victim"] == str(victim) and 0 < row["stealth"]["linf"] <= 8
    answers = pd.read_parquet(artifacts / "evaluate" / stages["evaluate"] / "predictions.parquet")
    assert len(answers) == smoke.CONCEPTS and answers["score"].mean() == row["utility"]
    for role in ("attack", "clean_attack"):
        curve = json.loads((artifacts / "attack" / stages[role] / "curve.json").read_text())
        losses = [point["loss"] for point in curve if "loss" in point]
        assert losses[-1] < losses[0], "it learns"
