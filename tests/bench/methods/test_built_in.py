"""Descriptions of methods that come with the package: no plan of a built-in suite imports torch, and they are right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.methods.descriptions import BUILT_IN
from scripts.describe_methods import REGISTRIES, examine_described, plan_suites

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "bitsandbytes")
RUN = "run --dry-run --dataset textvqa --victim qwen3-vl-4b --defense mmguard --attack lora_sft+jpeg"


@pytest.mark.parametrize("line", [RUN, *(f"suite plan {suite}" for suite in ("embedded", "smoke", "paper"))])
def test_the_first_plan_imports_no_torch(line: str, tmp_path: Path) -> None:
    """After an edit of a method, `python -m scripts.describe_methods` makes this true again."""
    code = (
        "import sys; from bench.cli.main import main\n"
        "try: main()\n"
        f"except SystemExit as end: print(end.code, sorted(sys.modules.keys() & {set(HEAVY)}))"
    )
    environment = {**os.environ, "BENCH_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code, *line.split()]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr


@pytest.mark.usefixtures("bench_home")
def test_descriptions_that_come_with_the_package_are_those_of_the_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in REGISTRIES:
        monkeypatch.setattr(registry, "_descriptions", {})
    plan_suites()
    found, kept = dict(examine_described()), json.loads(BUILT_IN.read_bytes())
    assert kept and {key: found.get(key) for key in kept} == kept, "run python -m scripts.describe_methods"
