"""The commands of docs/protect.md run as they stand, in a folder that has `pets`."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from bench.cli.main import main
from tests.bench.owner import forms

PAGE = Path(__file__).parents[3] / "docs" / "protect.md"
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
COMMANDS = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines()]


def test_every_command_of_the_page_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forms.jsonl(tmp_path / "pets")
    monkeypatch.chdir(tmp_path)
    outputs = []
    for command in COMMANDS:
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as exit_info:
            main()
        outputs.append(capsys.readouterr())
        assert exit_info.value.code == 0, outputs[-1].err
    assert len(COMMANDS) == 5 and "about" in outputs[0].out and "within budget" in outputs[2].out
    made = {file.name for file in tmp_path.iterdir() if file.name.startswith("pets-")}
    names = {"pets-protected", "pets-em", "pets-words"}
    assert made == names | {f"{name}.report" for name in names}
