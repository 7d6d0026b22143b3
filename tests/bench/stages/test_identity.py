"""How a suite is played names nothing: batch, workers, device, engine, machine and order leave identities alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import victims
from bench.game.suite import Suite
from bench.paths import home
from bench.play.plan import Plan, make_plan
from bench.play.run import play_run
from bench.spec import Budget, Method, RunSpec
from bench.stages import dataset, evaluate

ROOT = Path(__file__).parent.parent.parent.parent
TRAINED = ("lora_sft", "format_only")
HIDE = RunSpec(defense=Method(name="hide"), attack=Method(name="lora_sft"))

LISTS: dict[str, list[Any]] = {
    "defenses": ["none", "random_noise", {"name": "em", "options": {"rounds": 3, "inner_lr": 2e-4}}],
    "attacks": [{"name": "lora_sft", "options": {"epochs": 2, "rank": 8}}, "none"],
    "datasets": ["emoji_catalog", "emoji_smoke"],
    "victims": ["tiny-llava-a", "tiny-qwen3vl"],
    "threats": ["white", "black"],
    "seeds": [0, 1],
    "budgets": [{"epsilon": 4}, {"epsilon": 8, "words": 3}],
}


def suite(lists: dict[str, list[Any]]) -> Plan:
    return make_plan(Suite.model_validate({"version": 1, "title": "A suite", **lists}).runs())


def names(made: Plan) -> dict[str, dict[str, str]]:
    """Identities by run and role."""
    return {run: {role: stage.identity for role, stage in roles.items()} for run, roles in made.roles.items()}


@pytest.fixture(scope="module")
def unchanged() -> dict[str, dict[str, str]]:
    return names(suite(LISTS))


def shuffles(value: Any) -> st.SearchStrategy[Any]:
    """The same lists and dictionaries in any order, all the way down."""
    if isinstance(value, dict):
        pairs = [shuffles(each).map(lambda made, key=key: (key, made)) for key, each in value.items()]
        return st.tuples(*pairs).flatmap(lambda made: st.permutations(list(made))).map(dict)
    if isinstance(value, list):
        return st.tuples(*map(shuffles, value)).flatmap(lambda made: st.permutations(list(made)))
    return st.just(value)


@settings(max_examples=20)
@given(shuffles(LISTS))
def test_the_order_of_lists_and_options_names_nothing(unchanged: dict[str, Any], lists: dict[str, list[Any]]) -> None:
    assert names(suite(lists)) == unchanged


def test_another_process_machine_or_home_names_nothing(unchanged: dict[str, Any], tmp_path: Path) -> None:
    """With other threads, devices, stores, order of hashes and engine."""
    shutil.copytree(home() / "methods", tmp_path / "methods")  # so that torch is not imported for the options
    code = (
        "import json, sys; from tests.bench.stages.test_identity import *; from bench.engine.base import open_engine;"
        "from bench.engine.costs import Costs; open_engine('slurm', 7, 'local', Costs([]));"
        "print(json.dumps(names(suite(LISTS))))"
    )
    told = {"BENCH_HOME": str(tmp_path), "BENCH_THREADS": "7", "CUDA_VISIBLE_DEVICES": "5", "PYTHONHASHSEED": "7"}
    stores = {"BENCH_RESULTS": f"sqlite:///{tmp_path}/other.sqlite", "BENCH_CACHE_GB": "1", "TZ": "Asia/Tokyo"}
    environment = {**os.environ, **told, **stores}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == unchanged


@pytest.fixture
def played(game: Any) -> Any:
    """The toy game, played once."""
    play_run(HIDE)
    game.computed.clear()
    return game


def batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one in the place of 96."""
    import bench.stages.evaluate as module

    evaluate = module.evaluate
    monkeypatch.setattr(module, "evaluate", lambda *arguments, batch=7: evaluate(*arguments))


@pytest.mark.parametrize(
    "change",
    [
        batch,
        lambda patch: patch.setenv("BENCH_THREADS", "7"),
        lambda patch: patch.setenv("CUDA_VISIBLE_DEVICES", "3"),
        lambda patch: patch.setenv("BENCH_CACHE_GB", "5"),
    ],
    ids=["batch", "threads", "device", "cache"],
)
def test_what_is_finished_is_found_however_it_is_played(
    played: Any, monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None]
) -> None:
    change(monkeypatch)
    assert not make_plan([HIDE]).tasks
    play_run(HIDE)
    assert played.computed == []


@pytest.mark.parametrize(
    ("change", "computed"),
    [
        ({"seed": 1}, {"hide", "format_only", "lora_sft", "answers to test", "answers to validation"}),
        ({"budget": Budget(epsilon=4)}, {"hide", "lora_sft", "answers to test", "answers to validation"}),
        (
            {"defense": Method(name="hide", options={"hidden": 8})},
            {"hide", "lora_sft", "answers to test", "answers to validation"},
        ),
    ],
    ids=["seed", "budget", "options"],
)
def test_what_is_asked_for_otherwise_is_computed(played: Any, change: dict[str, Any], computed: set[str]) -> None:
    """Else the hits above would prove nothing."""
    play_run(HIDE.model_copy(update=change))
    assert set(played.computed) == computed


@pytest.mark.parametrize(
    ("module", "target", "value", "computed"),
    [
        (dataset, "dataset_identity", lambda name: "other pixels or text", {"hide", "answers to test", *TRAINED}),
        (victims, "revision", lambda name: "trained again", {"hide", "answers to test", *TRAINED}),
        (evaluate, "EVALUATOR", 99, {"answers to test"}),
    ],
)
def test_other_data_models_or_rules_are_computed(
    played: Any, monkeypatch: pytest.MonkeyPatch, module: ModuleType, target: str, value: Any, computed: set[str]
) -> None:
    monkeypatch.setattr(module, target, value)
    play_run(HIDE)
    assert set(played.computed) == computed | {"answers to validation"}
