"""Checkpoints as their publishers lay them out, on tiny random weights, play `bench run`: crafted, trained and judged.

Each plays on four of the 24 concepts of `emoji_smoke`.
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

LONG = {"idefics3", "mllama", "smolvlm"}
"""Their published pictures have thousands of patches, and a run takes many minutes; left out here."""

CRAFT = ("--defense", "em", "-o", "rounds=1", "-o", "image_steps=1", "-o", "inner_steps=1", "-o", "batch=8")


@pytest.fixture
def few_concepts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Four concepts in `emoji_smoke`, during one test."""
    monkeypatch.setattr(smoke, "CONCEPTS", 4)
    datasets.load.cache_clear()
    yield
    datasets.load.cache_clear()


@pytest.mark.usefixtures("few_concepts")
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS if name not in LONG],
)
def test_a_family_with_published_settings_plays_a_whole_run(
    name: str,
    cli: Callable,  # noqa: F811
    bench_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    victim = write_checkpoint(name, tmp_path_factory.mktemp(name))
    line = ("run", *CRAFT, "--attack", "lora_sft", "-a", "epochs=2", "-a", "batch=8", "--dataset", "emoji_smoke")
    output = cli(*line, "--victim", str(victim), "--force", "--json")
    assert output.code == 0, output.err
    (row,) = json.loads(output.out)["runs"]
    artifacts, stages = bench_home / "artifacts", row["stages"]
    assert row["victim"] == str(victim) and 0 < row["stealth"]["linf"] <= 8
    answers = pd.read_parquet(artifacts / "evaluate" / stages["evaluate"] / "predictions.parquet")
    assert len(answers) == 4 * smoke.CONCEPTS and answers["score"].mean() == row["utility"]
    for role in ("attack", "clean_attack"):
        curve = json.loads((artifacts / "attack" / stages[role] / "curve.json").read_text())
        losses = [point["loss"] for point in curve if "loss" in point]
        assert losses[-1] < losses[0], "it learns"
