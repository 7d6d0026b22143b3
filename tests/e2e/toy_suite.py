"""A suite whose stages are short sleeps, with the roles of a real one; `python -m tests.e2e.toy_suite local 2`.

Nothing heavy is imported here, so that a worker that is killed is soon replaced.
"""

import csv
import hashlib
import io
import json
import shutil
import sys
import time
from functools import partial
from pathlib import Path

from bench.paths import home
from bench.progress import Progress
from bench.stages.stage import Stage

RIGHT = {
    "zero": 4,
    "zero_validation": 2,
    "clean": 32,
    "clean_validation": 30,
    "evaluate": 16,
    "validation": 10,
}
"""Right answers of 40; those of `evaluate` and `validation` differ from run to run."""

COLUMNS = (
    "id", "defense", "attack", "seed", "utility_zero", "utility_clean", "utility", "validation", "protection",
    "protection_low", "protection_high", "eligible", "stealth", "stages", "command",
)  # fmt: skip
"""Columns that are the same each time a run is played. Cost, date and provenance differ."""


def prepare() -> None:
    """Write the answers that the evaluations copy."""
    import numpy as np
    import pandas as pd

    (home() / "answers").mkdir(parents=True)
    for right in range(41):
        table = pd.DataFrame({"image_id": [f"p{i:02}" for i in range(40)], "score": 1.0 * (np.arange(40) < right)})
        table.to_parquet(home() / "answers" / f"{right}.parquet")


def work(name: str, role: str, needs: tuple[Stage, ...], folder: Path, progress: Progress) -> None:
    """Log the start, sleep for 20 to 50 ms, and write a text that depends on all stages below."""
    with (home() / "started.log").open("a") as log:
        log.write(f"{name}\n")
    number = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    time.sleep(0.02 + number % 31 / 1000)
    below = [(need.folder / "note.txt").read_text() for need in needs]
    (folder / "note.txt").write_text(hashlib.sha256("".join([name, *below]).encode()).hexdigest())
    if role in RIGHT:
        right = RIGHT[role] + (number % 9 if role in ("evaluate", "validation") else 0)
        shutil.copy(home() / "answers" / f"{right}.parquet", folder / "predictions.parquet")
    if role == "audit":
        (folder / "audit.json").write_text(json.dumps({"linf": number % 9}))


def stage(kind: str, role: str, name: str, *needs: Stage) -> Stage:
    payload = {"name": f"{role} {name}", "needs": [need.identity for need in needs]}
    models = () if kind in ("dataset", "audit") else (f"m{len(name) % 2}",)
    return Stage(kind, f"{role} {name}", payload, partial(work, f"{role} {name}", role, needs), needs, models)


def plan(seeds: int = 2):  # type: ignore[no-untyped-def]
    """Return the plan of two defenses and some seeds: with two seeds, 4 runs and 29 stages."""
    from bench.play.plan import Plan
    from bench.play.run import run_id
    from bench.spec import Method, RunSpec

    runs, roles = {}, {}
    original, zero = stage("protect", "original", ""), stage("evaluate", "zero", "")
    zero_validation = stage("evaluate", "zero_validation", "")
    for seed in range(seeds):
        clean_attack = stage("attack", "clean_attack", f"{seed}", original)
        clean = stage("evaluate", "clean", f"{seed}", clean_attack)
        clean_validation = stage("evaluate", "clean_validation", f"{seed}", clean_attack)
        for defense in ("em", "mmguard"):
            spec = RunSpec(defense=Method(name=defense), attack=Method(name="lora_sft"), seed=seed)
            name = f"{defense} {seed}"
            release = stage("protect", "protect", name)
            adapter = stage("attack", "attack", name, release)
            runs[run_id(spec)] = spec
            roles[run_id(spec)] = {
                "original": original,
                "zero": zero,
                "zero_validation": zero_validation,
                "clean_attack": clean_attack,
                "clean": clean,
                "clean_validation": clean_validation,
                "protect": release,
                "audit": stage("audit", "audit", name, original, release),
                "attack": adapter,
                "evaluate": stage("evaluate", "evaluate", name, adapter),
                "validation": stage("evaluate", "validation", name, adapter),
            }
    stages = {stage.identity: stage for by_role in roles.values() for stage in by_role.values()}
    tasks = [stage for stage in stages.values() if stage.find() is None]
    tasks.sort(key=lambda task: (task.depth, task.models))
    return Plan(runs, roles, stages, {task.identity: task for task in tasks})


def results_table() -> str:
    """Return all results in CSV."""
    from bench import results

    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(COLUMNS)
    for run in sorted(results.load(), key=lambda run: run.id):
        lines.writerow([json.dumps(getattr(run, column), sort_keys=True) for column in COLUMNS])
    return out.getvalue()


def main(name: str, workers: int = 2, address: str | None = None) -> None:
    """Play the missing stages, and exit with code 1 if one of them failed."""
    from bench.engine.base import open_engine
    from bench.engine.costs import Costs
    from bench.play.schedule import play_plan

    outcome = play_plan(plan(), open_engine(name, workers, address, Costs([])))
    sys.exit(1 if outcome.failed or outcome.blocked else 0)


if __name__ == "__main__":
    # By its importable name: a worker cannot import functions of `__main__`.
    from tests.e2e import toy_suite

    toy_suite.main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
