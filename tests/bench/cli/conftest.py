"""The command line: arguments in; exit code, output and errors out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.cli.main import main


class Output(NamedTuple):
    """The exit code and the texts that a command left on the terminal."""

    code: object
    out: str
    err: str


@pytest.fixture
def cli(bench_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Output]:
    """Run `bench` in this process, in an empty home."""
    for name in ("TRANSFORMERS_VERBOSITY", "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE"):
        monkeypatch.setenv(name, "1" if name != "TRANSFORMERS_VERBOSITY" else "error")

    def call(*arguments: str) -> Output:
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            main()
        return Output(exit_info.value.code, *capsys.readouterr())

    return call
