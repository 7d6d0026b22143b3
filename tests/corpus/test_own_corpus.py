"""Every folder of the corpus is read, or told in one line; `bench data check` ends with 0 or 2 and no traceback."""

import sys
from pathlib import Path

import pytest

from bench.cli.main import main
from tests.corpus import own_folders, own_pictures
from tests.corpus.own_folders import Case

CASES = [*own_folders.CASES, *own_pictures.CASES]


def check(path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run `bench data check` in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["bench", "data", "check", str(path)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    return exit_info.value.code


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_read_or_told(
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bench_home: Path,
) -> None:
    code = check(case.write(tmp_path / "data" / case.name), monkeypatch)
    out, err = capsys.readouterr()
    assert case.shown in out + err and code == case.code, out + err
    assert "Traceback" not in out + err and all(line.isprintable() for line in (out + err).splitlines())
    assert code == 0 or "; allowed: " in out + err


def test_the_corpus_is_large() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 120
