"""The examples of docs/methods.md are whole files: saved under their names, with nothing else touched, they play."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLE = re.compile(r"^`([\w/]+\.py)`\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(EXAMPLE.findall((ROOT / "docs" / "methods.md").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `bench`, `defenses` and `attacks` with the examples; links out of a checkpoint would be refused."""
    folder = tmp_path_factory.mktemp("tree")
    for room in ("bench", "defenses", "attacks"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in EXAMPLES.items():
        assert not (folder / name).exists()
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def bench(tree: Path, *arguments: str) -> str:
    """Run `bench` on the tree; its standard output."""
    program = "import sys; from bench.cli.main import main; sys.argv[0] = 'bench'; main()"
    environment = {**os.environ, "PYTHONPATH": str(tree), "BENCH_HOME": str(tree / "home")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_an_example_of_each_kind() -> None:
    assert list(EXAMPLES) == ["defenses/half_noise.py", "defenses/em_token.py", "attacks/purify/tilt.py"]


def test_examples_are_formatted_and_typed(tree: Path, tmp_path: Path) -> None:
    files = [str(tree / name) for name in EXAMPLES]
    lines = [["ruff", "check", *files], ["ruff", "format", "--check", *files]]
    for line in [*lines, ["mypy", "--cache-dir", str(tmp_path), *files]]:
        command = [sys.executable, "-m", *line, "--config", str(ROOT / "pyproject.toml")]
        command = [part.replace("--config", "--config-file") if "mypy" in command else part for part in command]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_examples_are_listed(tree: Path) -> None:
    names = json.loads(bench(tree, "list", "--json"))
    assert names["defenses"]["half_noise"] == "Uniform noise on every pixel, at half the budget."
    assert {"half_noise", "em_token"} <= names["defenses"].keys() and "tilt" in names["parts of attacks"]


def test_the_defense_without_gradients_and_the_part_are_played(tree: Path) -> None:
    line = ["run", "--defense", "half_noise", "-o", "share=0.25", "--attack", "lora_sft+tilt(degrees=2)"]
    (run,) = json.loads(bench(tree, *line, "-a", "epochs=1", "--dataset", "emoji_smoke", "--json"))["runs"]
    assert run["stealth"]["linf"] == 2 and run["stealth"]["words"] == 0
    assert (run["attack"], run["attack_options"]["tilt.degrees"]) == ("lora_sft+tilt", 2)


def test_the_gradient_made_defense_lowers_its_loss(tree: Path) -> None:
    line = ["run", "--defense", "em_token", "--attack", "none", "--dataset", "emoji_smoke", "--json"]
    (run,) = json.loads(bench(tree, *line))["runs"]
    log = tree / "home" / "artifacts" / "protect" / run["stages"]["protect"] / "log.json"
    first, *_, last = json.loads(log.read_text())["history"]
    assert last["outer"] < 0.9 * first["outer"] and 0 < run["stealth"]["linf"] <= 8
