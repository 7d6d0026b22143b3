"""The home folder of results and artefacts."""

from pathlib import Path

import pytest

from bench.paths import home


def test_the_home_is_where_the_variable_says_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_HOME", "results")
    assert home() == tmp_path / "results"
    monkeypatch.delenv("BENCH_HOME")
    assert home() == tmp_path / ".bench"
    assert not list(tmp_path.iterdir())
