"""A home full of synthetic runs, to see what the leaderboard bears: python -m benchmarks.leaderboard_home DIR [RUNS]

Games are filled one after the other: eighteen defenses, the required set and ten attacks more, five seeds. Every run
names answers out of a pool of a hundred evaluations, so that intervals, ties and ranks are computed as they are for
real ones, and no run is like another.
"""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import insert

from attacks.grammar import parse_attack
from attacks.required import load_required
from bench.results import Run
from bench.results.database import connect
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL

ITEMS, POOL = 200, 100
DEFENSES = ["mmguard", "none", "random_noise", "em", *(f"method{number:02d}" for number in range(14))]
EXTRA = [f"lora_sft+jpeg(quality={quality})" for quality in range(20, 70, 5)]
GAMES = product(
    ["emoji_catalog", "emoji_smoke", "photos", "tags"],
    ["tiny-llava-a", "tiny-llava-b", "tiny-gemma3", "tiny-qwen3-vl"],
    ["white", "gray", "black"],
    [4, 8],
)
BATCH = 2000
START = datetime(2026, 1, 1, tzinfo=UTC)


def write_answers(home: Path) -> None:
    """Write evaluation i of `POOL`, right on a share i / POOL of the items."""
    difficulty = np.random.default_rng(0).random(ITEMS)
    for number in range(POOL):
        folder = home / "artifacts" / "evaluate" / f"{number:016x}"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text('{"stage": "evaluate", "payload": {}, "cost": {"seconds": 1.0}}')
        names = [str(item) for item in range(ITEMS)]
        table = pd.DataFrame({"id": names, "question": "?", "target": "t", "prediction": "p", "image_id": names})
        table.assign(score=(difficulty < number / POOL).astype(float)).to_parquet(folder / "predictions.parquet")


def generate_rows() -> Iterator[dict[str, Any]]:
    """Yield the columns of one run after the other, game by game."""
    attacks = [member.attack for member in load_required().members["clean"]] + EXTRA
    rng = np.random.default_rng(1)
    cells = product(GAMES, enumerate(DEFENSES), attacks, range(5))
    for number, ((dataset, victim, threat, epsilon), (rank, defense), attack, seed) in enumerate(cells):
        method = parse_attack(attack)
        right = int(np.clip(75 - 3 * rank + rng.integers(-8, 8), 10, 80))
        score = 1 - (right - 5) / 75
        yield {
            "id": f"{number:016x}", "protocol": PROTOCOL, "evaluator": EVALUATOR, "code": "2.0", "defense": defense,
            "defense_options": {}, "attack": method.name, "attack_options": method.options, "dataset": dataset,
            "victim": victim, "threat": threat, "surrogates": victim, "seed": seed, "epsilon": epsilon, "words": 5,
            "utility_zero": 0.05, "utility_clean": 0.8, "utility": right / POOL, "validation": right / POOL,
            "validation_clean": 0.8, "baselines": {"zero": {"test": 0.05, "validation": 0.05}}, "protection": score,
            "protection_low": score - 0.1, "protection_high": score + 0.1, "eligible": True,
            "stealth": {"linf": epsilon, "psnr": 33.5, "ssim": 0.91, "perceptual": 1.7, "words": 2, "answers": 0},
            "cost": {"protect": {"seconds": 40.0 + rank, "peak_mb": 512.0}, "attack": {"seconds": 20.0}},
            "stages": {"zero": f"{5:016x}", "clean": f"{80:016x}", "evaluate": f"{right:016x}"},
            "provenance": {"git": "abc1234", "dirty": False, "packages": {"peft": "0.21.2", "torch": "2.9.0"}},
            "curve": None, "effects": None, "command": f"bench run --defense {defense} --attack '{attack}'",
            "created": START + timedelta(seconds=number),
        }  # fmt: skip


def fill_home(home: Path, runs: int) -> None:
    """Fill an empty folder, which becomes `$BENCH_HOME`, with so many runs and their answers."""
    os.environ["BENCH_HOME"] = str(home)
    write_answers(home)
    rows = islice(generate_rows(), runs)
    with connect().begin() as connection:
        while batch := list(islice(rows, BATCH)):
            connection.execute(insert(Run), batch)


if __name__ == "__main__":
    fill_home(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
