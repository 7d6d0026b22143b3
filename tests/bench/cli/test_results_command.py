"""`bench results`: out to files and in again, with what is missing of a suite."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.store import published, results
from bench.store.results import Run


def test_there_and_back(
    cli: Callable, finished: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(0), finished(1, protected=24)
    folder = tmp_path / "files"
    said = cli("results", "export", str(folder), "--suite", "smoke")
    assert said.code == 0, said.err
    assert said.out.startswith("2 runs and the answers of 4 evaluations, 0.0 MB")
    assert "4 of 4 runs of the suite are not played" in said.out
    told = json.loads((folder / published.ABOUT).read_text())
    assert told["planned"] == len(told["not played"]) == 4
    assert all(command.startswith("bench run --defense ") for command in told["not played"])
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "other"))
    assert cli("results", "import", str(folder)).out == "2 new runs\n"
    assert cli("results", "import", str(folder)).out == "0 new runs\n"
    assert [run.utility for run in results.load()] == [0.4, 0.6]


def test_a_folder_without_results_is_an_error(cli: Callable, tmp_path: Path) -> None:
    said = cli("results", "import", str(tmp_path))
    assert said.code == 2
    assert "provenance.json" in said.err
