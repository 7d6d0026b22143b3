"""An installed defense is never imported into the judge's process: it is described and played in the sandbox."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import sandbox
from bench.errors import UserError
from bench.sandbox import UNSAFE
from bench.spec import Method, RunSpec
from bench.stages import protect
from defenses import REGISTRY
from tests.bench.toy_game import Game

SPEC = RunSpec(dataset="things", victim="tiny-llava-a", defense=Method(name="stranger"), attack=Method(name="none"))

CODE = '''
"""A stranger's package."""
import numpy as np
from pydantic import Field
from bench.spec import Options
from defenses import register
from defenses.base import Card, Defense, Protected
from defenses.craft.noise import add_noise

class StrangerOptions(Options):
    share: float = Field(0.5, gt=0, le=1)

@register("stranger")
class Stranger(Defense[StrangerOptions]):
    depends = frozenset({"budget", "seed"})

    def protect(self, samples, surrogates, budget, rng, progress):
        reach = int(self.options.share * budget.epsilon)
        noise = {s.image_id: rng.integers(-reach, reach + 1, (3, *s.pixels.shape[:2])) for s in samples}
        return Protected(add_noise(samples, noise), {"image_steps": 7})
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a package that is installed, with an entry point."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    metadata = tmp_path / "stranger_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger-package\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[mmguard_bench.defense]\nstranger = stranger_package\n")
    file = tmp_path / "stranger_package.py"
    file.write_text(CODE)
    kept = REGISTRY.catalog
    del REGISTRY.catalog
    monkeypatch.setattr(REGISTRY, "_descriptions", {})
    yield file
    REGISTRY.__dict__["catalog"] = kept


def test_it_is_described_and_checked_without_an_import(package: Path) -> None:
    described = REGISTRY.describe(Method(name="stranger", options={"share": 0.25}))
    assert described.options == {"share": 0.25} == described.naming
    assert described.traits.depends == {"budget", "seed"}
    with pytest.raises(UserError, match=r"defense 'stranger': defense stranger, option share=2: .* options: share"):
        REGISTRY.describe(Method(name="stranger", options={"share": 2}))
    with pytest.raises(UserError, match="stranger from stranger-package: it is loaded in the sandbox alone"):
        REGISTRY.build(Method(name="stranger"))
    assert "stranger_package" not in sys.modules


def test_its_release_is_a_stage_that_names_the_sandbox(package: Path, game: Game) -> None:
    artifact = protect.stage(SPEC).make()
    assert artifact.read(protect.SANDBOX) == {"sandbox": sandbox.name()}
    assert artifact.read("log.json") == {"image_steps": 7} and artifact.cost["image_steps"] == 7
    assert "stranger_package" not in sys.modules


def test_other_code_is_another_release(package: Path, game: Game) -> None:
    from bench.methods.code import code_hash

    before = protect.stage(SPEC).identity
    package.write_text(CODE.replace("-reach, reach + 1", "0, reach + 1"))
    code_hash.cache_clear()
    REGISTRY._descriptions.clear()
    assert protect.stage(SPEC).identity != before


def test_the_file_of_a_code_entry_is_played_under_its_name(package: Path, game: Game) -> None:
    file = package.with_name("entry.py")
    file.write_text(CODE)
    REGISTRY.add_file("mine", file)
    mine = SPEC.model_copy(update={"defense": Method(name="mine")})
    assert protect.stage(mine).make().read(protect.SANDBOX) == {"sandbox": sandbox.name()}
    file.write_text(CODE.replace("add_noise(samples, noise)", "samples[:1]"))
    REGISTRY._descriptions.clear()
    with pytest.raises(UserError, match=r"defense 'entry.py': release: a tuple; allowed: a SampleSet of Samples"):
        protect.stage(mine).make()
    with pytest.raises(UserError, match="the name 'em' is taken"):
        REGISTRY.add_file("em", file)


def test_through_the_door_it_is_one_line_and_2(package: Path) -> None:
    package.write_text("raise ValueError('\\x1b[31mred')")
    command = [sys.executable, "-c", "from bench.cli.main import main; main()", "run"]
    done = subprocess.run(
        [*command, "--defense", "stranger", "--attack", "none", "-o", "share=1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(package.parent), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: defense 'stranger': ") and "\\x1b[31mred" in done.stderr


@pytest.mark.without_sandbox
def test_without_bubblewrap_it_is_refused(package: Path, game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(package.parent))
    with pytest.raises(UserError, match=r"no `bwrap` on this machine; install it .* or run with --unsafe-no-sandbox"):
        protect.stage(SPEC)


@pytest.mark.without_sandbox
def test_the_unsafe_way_is_another_process_and_another_artefact(
    package: Path, game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(package.parent))
    monkeypatch.setenv(UNSAFE, "1")
    stage = protect.stage(SPEC)
    assert stage.payload["sandbox"] == "none"
    assert stage.make().read(protect.SANDBOX) == {"sandbox": "none"}
    assert "stranger_package" not in sys.modules
    assert json.loads((stage.folder / "log.json").read_text()) == {"image_steps": 7}
