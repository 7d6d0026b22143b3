"""The command line in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli.main import main


@pytest.fixture
def run_bench(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[object, str, str]]:
    """Return a function that runs `bench` in an empty home and returns its exit code, output and errors."""

    def call(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    return call
