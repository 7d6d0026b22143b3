"""Finished runs whose numbers can be checked by hand: of 40 answers, each about a picture of its own, the first n."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.results import Run, save
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL, identity
from bench.store import artifacts
from tests.bench.old_artifacts import three
from tests.bench.toy_game import game

__all__ = ["finished", "foreign", "game", "three"]

ITEMS = 40


def _answers(right: int) -> str:
    def work(folder: Path) -> None:
        table = pd.DataFrame(
            {"image_id": [f"p{i:02}" for i in range(ITEMS)], "score": 1.0 * (np.arange(ITEMS) < right)}
        )
        table.to_parquet(folder / "predictions.parquet")

    return artifacts.make("evaluate", {"right": right}, work).identity


@pytest.fixture
def foreign(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """lm-eval has the tasks of a folder instead of its own: see `foreign_tasks.write`."""
    from bench.tasks import lm_eval_tasks
    from tests.bench import foreign_tasks

    folder = foreign_tasks.write(tmp_path_factory.mktemp("foreign"))
    monkeypatch.setattr(lm_eval_tasks, "ROOTS", (folder,))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(folder / "cache"))
    return folder


@pytest.fixture
def finished(bench_home: Path) -> Callable[..., Run]:
    """Saves a run of a seed with so many right answers before training, after clean and after protected training."""

    def finish(seed: int = 0, *, zero: int = 4, clean: int = 32, protected: int = 16, **changes: Any) -> Run:
        part = {"seconds": 12.4, "peak_mb": 512.0}
        values: dict[str, Any] = {
            "id": identity([seed, zero, clean, protected]), "protocol": PROTOCOL, "evaluator": EVALUATOR,
            "defense": "mmguard", "defense_options": {"tau": 0.1}, "attack": "lora_sft", "attack_options": {},
            "dataset": "emoji_smoke", "victim": "tiny-llava-a", "threat": "white", "seed": seed,
            "epsilon": 8, "words": 5,
            "utility_zero": zero / ITEMS, "utility_clean": clean / ITEMS, "utility": protected / ITEMS,
            "validation": 0.25, "validation_clean": 0.75,
            "baselines": {"zero": {"test": zero / ITEMS, "validation": 0.1}},
            "protection": 0.5, "protection_low": 0.4, "protection_high": 0.6, "eligible": True,
            "stealth": {"linf": 8, "psnr": 33.46, "ssim": 0.9117, "perceptual": 1.704, "words": 2, "edit_distance": 11},
            "cost": {"protect": part | {"image_steps_per_second": 5.6}, "attack": part | {"peak_mb": 700.2}},
            "stages": {"zero": _answers(zero), "clean": _answers(clean), "evaluate": _answers(protected)},
            "provenance": {"reused": ["zero", "clean"]}, "command": f"bench run --seed {seed}",
            "created": datetime(2026, 5, 1, seed, tzinfo=UTC),
        }  # fmt: skip
        save(Run(**values | changes))
        return Run(**values | changes)

    return finish
