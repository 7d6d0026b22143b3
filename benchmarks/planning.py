"""Seconds to plan `embedded` in an empty home and 10,000 runs, and to find that 1,000 runs are finished.

    python -m benchmarks.planning

All are `bench suite` commands in a new process.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

DEFENSES = ["random_noise", "em", "multimodal", "mmguard", "text_trigger"]


def write_suite(file: Path, runs: int) -> str:
    """Write a suite of `runs` runs and return its path."""
    head = {"version": 1, "title": f"{runs} runs", "defenses": DEFENSES, "threats": ["white", "black"]}
    budgets = [{"epsilon": epsilon} for epsilon in range(1, 11)]
    file.write_text(yaml.safe_dump({**head, "budgets": budgets, "seeds": list(range(runs // 100))}))
    return str(file)


def finish_suite(name: str) -> None:
    """Keep an artefact for every stage of a suite and a row for every run, without doing their work."""
    from bench.command import format_command
    from bench.game.suite import read_suite
    from bench.play.plan import make_plan
    from bench.play.run import run_id
    from bench.results import Run, save
    from bench.scoring.matching import EVALUATOR
    from bench.spec import PROTOCOL
    from bench.store import artifacts

    plan = make_plan(read_suite(name).runs())
    for stage in plan.stages.values():
        artifacts.make(stage.kind, stage.payload, lambda folder: None)
    numbers: dict[str, Any] = dict.fromkeys(("utility_zero", "utility_clean", "utility", "validation"), 0.5)
    numbers |= dict.fromkeys(("protection", "protection_low", "protection_high"), 0.5)
    for key, spec in plan.runs.items():
        names = {"defense": spec.defense.name, "attack": spec.attack.name, "dataset": spec.dataset}
        row = Run(
            id=run_id(spec), protocol=PROTOCOL, evaluator=EVALUATOR, defense_options={}, attack_options={},
            victim=spec.victim, threat=spec.threat, seed=spec.seed, epsilon=spec.budget.epsilon, words=5,
            eligible=True, stealth={}, cost={"protect": {"seconds": 1.0}}, provenance={"packages": {"torch": "2"}},
            stages={role: stage.identity for role, stage in plan.roles[key].items()},
            command=format_command(spec), created=datetime.now(UTC), **names, **numbers,
        )  # fmt: skip
        save(row)


def time_command(*arguments: str) -> tuple[float, dict[str, Any]]:
    """Return the seconds of a `bench` command, and the JSON that it printed."""
    started = time.perf_counter()
    process = subprocess.run([sys.executable, "-m", "bench.cli.main", *arguments], check=True, capture_output=True)
    return time.perf_counter() - started, json.loads(process.stdout)


def main() -> None:
    """Print all three, three times."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_HOME"] = str(Path(folder) / "home")
        large = write_suite(Path(folder) / "large.yaml", 10_000)
        finished = write_suite(Path(folder) / "finished.yaml", 1_000)
        finish_suite(finished)
        for repeat in range(3):
            os.environ["BENCH_HOME"] = str(Path(folder) / f"empty-{repeat}")
            seconds, plan = time_command("suite", "plan", "embedded", "--json")
            print(f"first plan of embedded, {plan['runs']:,} runs: {seconds:.1f} s")
            os.environ["BENCH_HOME"] = str(Path(folder) / "home")
            seconds, plan = time_command("suite", "plan", large, "--json")
            print(f"plan of {plan['runs']:,} runs, {plan['stages'][-1]['stages']:,} stages: {seconds:.1f} s")
            seconds, played = time_command("suite", "run", finished, "--json")
            print(f"{len(played['kept']):,} finished runs again, {len(played['recorded'])} played: {seconds:.1f} s")


if __name__ == "__main__":
    main()
