"""Engines by name: what is not there, or does not fit together, is told before anything starts."""

import importlib.util

import pytest

from bench.engine import base as module
from bench.engine.base import PACKAGES, open_engine
from bench.engine.costs import Costs
from bench.engine.local import Pool
from bench.errors import UserError


def test_the_local_engine_has_as_many_workers_as_asked_for() -> None:
    made = open_engine("local", 3, None, Costs([]))
    assert isinstance(made, Pool) and made.size == 3


def test_an_unknown_engine_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"engine: 'ry' is not known; did you mean 'ray'\?; allowed: local, ray, slurm"):
        open_engine("ry", None, None, Costs([]))


def test_this_machine_has_no_address() -> None:
    with pytest.raises(UserError, match=r"address: 'there:1' with the engine 'local'"):
        open_engine("local", None, "there:1", Costs([]))


@pytest.mark.parametrize(("name", "package"), PACKAGES.items())
def test_an_engine_whose_extra_is_not_installed_says_which(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(module, "find_spec", lambda wanted: None if wanted == package else found(wanted))
    with pytest.raises(UserError, match=rf"engine: '{name}' needs {package}; pip install 'mmguard-bench\[{name}\]'"):
        open_engine(name, None, None, Costs([]))
    assert isinstance(open_engine("local", None, None, Costs([])), Pool)
