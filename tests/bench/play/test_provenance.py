"""A row's command makes the same run again, and its provenance tells the machine, the versions and the commit."""

import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from attacks import REGISTRY as ATTACKS
from bench.cli.main import app
from bench.command import format_command
from bench.play import provenance as module
from bench.play.hardware import hardware
from bench.play.provenance import provenance
from bench.spec import Budget, Method, RunSpec
from bench.victims import embedded_folder
from defenses import REGISTRY as DEFENSES

em_options = st.fixed_dictionaries(
    {},
    optional={
        "rounds": st.integers(1, 100),
        "inner_lr": st.floats(0, 1, exclude_min=True),
        "keep_adapters": st.booleans(),
    },
)
sft_options = st.fixed_dictionaries(
    {},
    optional={
        "lr": st.floats(0, 1, exclude_min=True),
        "targets": st.sampled_from(["language", "language+projector"]),
        "early_stopping": st.booleans(),
    },
)
specs = st.builds(
    RunSpec,
    defense=st.builds(Method, name=st.just("em"), options=em_options),
    attack=st.builds(Method, name=st.just("lora_sft"), options=sft_options),
    dataset=st.sampled_from(["emoji_catalog", "emoji_smoke"]),
    victim=st.sampled_from(["tiny-llava-a", "tiny-llava-b"]),
    threat=st.sampled_from(["white", "gray", "black"]),
    seed=st.integers(0, 2**31 - 1),
    budget=st.builds(Budget, epsilon=st.integers(0, 255), words=st.integers(0, 64)),
)


def again(line: str) -> list[RunSpec]:
    """What `bench` would play for a line typed into a shell."""
    played: list[RunSpec] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.cli.run.play", lambda cells, **_: played.extend(*cells))
        program, *arguments = shlex.split(line)
        result = CliRunner().invoke(app, arguments)
    assert (program, result.exit_code) == ("bench", 0), result.output
    return played


@given(specs)
def test_the_command_of_a_run_asks_for_the_same_run(spec: RunSpec) -> None:
    (found,) = again(format_command(spec))
    defense, attack = DEFENSES.normalise(spec.defense), ATTACKS.normalise(spec.attack)
    assert found == spec.model_copy(update={"defense": defense, "attack": attack})
    for before, after in ((defense, found.defense), (attack, found.attack)):
        assert {k: type(v) for k, v in before.options.items()} == {k: type(v) for k, v in after.options.items()}


def test_a_victim_with_a_space_in_its_path_is_one_word(tmp_path: Path) -> None:
    folder = shutil.copytree(embedded_folder("tiny-llava-b"), tmp_path / "my model; rm *")
    spec = RunSpec(defense=Method(name="none"), attack=Method(name="none"), victim=str(folder))
    assert again(format_command(spec)) == [spec]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the suite believes it is installed in."""
    monkeypatch.setattr(module, "__file__", str(tmp_path / "bench" / "engine" / "provenance.py"))
    provenance.cache_clear()
    yield tmp_path
    provenance.cache_clear()


def test_versions_and_machine_are_those_at_hand(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_THREADS", "3")
    made = provenance()
    assert made["packages"]["torch"] == version("torch")
    assert {"transformers", "peft", "trl", "numpy"} < made["packages"].keys()
    assert (made["python"], made["machine"]) == (platform.python_version(), platform.machine())
    assert made["threads"] == 3
    assert made["hardware"] == hardware()


def test_outside_a_checkout_there_is_no_commit(checkout: Path) -> None:
    assert (provenance()["git"], provenance()["dirty"]) == (None, None)


def test_the_commit_is_told_and_whether_the_tree_differs_from_it(checkout: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        line = ["git", "-C", str(checkout), *identity, *arguments]
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    assert (provenance()["git"], provenance()["dirty"]) == (None, False)
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    provenance.cache_clear()
    assert (provenance()["git"], provenance()["dirty"]) == (git("rev-parse", "HEAD"), False)
    (checkout / "new.txt").touch()
    provenance.cache_clear()
    assert provenance()["dirty"] is True
