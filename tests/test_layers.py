"""The rooms of the house: imports run downwards only, and no two rooms or neighbours import each other."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a tree, in a process whose modules are those of the tree."""
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_imports_run_downwards_and_in_no_circle() -> None:
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_every_room_has_a_layer() -> None:
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    named = set(re.findall(r"[\w.]+", " ".join(layers)))
    children = [path for path in (ROOT / "bench").iterdir() if path.suffix == ".py" or path.is_dir()]
    rooms = {f"bench.{path.stem}" for path in children if not path.name.startswith("__")}
    assert rooms | {"defenses", "attacks", "leaderboard"} == named


@pytest.mark.parametrize(
    ("module", "text", "broken"),
    [
        ("bench/scoring/upwards.py", "import bench.play.run\n", "bench.scoring is not allowed to import bench.play"),
        ("bench/cli/sideways.py", "import leaderboard\n", "bench.cli is not allowed to import leaderboard"),
        ("bench/engine/upwards.py", "from bench.play import run\n", "bench.engine is not allowed to import bench.play"),
    ],
)
def test_an_import_that_runs_upwards_is_found(tmp_path: Path, module: str, text: str, broken: str) -> None:
    """A tree with the same rooms, nothing in them, and one import."""
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    for name in re.findall(r"[\w.]+", " ".join(layers)):
        folder = tmp_path / name.replace(".", "/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    (tmp_path / "bench" / "__init__.py").touch()
    (tmp_path / "bench" / "play" / "run.py").touch()
    (tmp_path / module).write_text(text)
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    done = _lint(tmp_path)
    assert done.returncode == 1 and broken in done.stdout, done.stdout
