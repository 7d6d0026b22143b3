"""The commands of docs/protect.md and docs/detect.md run as they stand, in a folder that has `pets` and a suspect."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from peft import get_peft_model

from bench.cli.main import main
from bench.lvlm.adapters import lora_config
from bench.lvlm.catalog import load_once
from tests.bench.owner import forms

DOCS = Path(__file__).parents[3] / "docs"


def run_commands(page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run what a page has to type, and return what each command prints."""
    blocks = re.findall(r"```console\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S)
    printed = []
    for line in (line for block in blocks for line in block.splitlines()):
        monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
        with pytest.raises(SystemExit) as exit_info:
            main()
        output = capsys.readouterr()
        assert exit_info.value.code == 0, output.err
        printed.append(output.out)
    return printed


def test_every_command_of_protect_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forms.jsonl(tmp_path / "pets")
    monkeypatch.chdir(tmp_path)
    printed = run_commands("protect.md", monkeypatch, capsys)
    assert len(printed) == 5 and "about" in printed[0] and "within budget" in printed[2]
    made = {file.name for file in tmp_path.iterdir() if file.name.startswith("pets-")}
    names = {"pets-protected", "pets-em", "pets-words"}
    assert made == names | {f"{name}.report" for name in names}


def test_every_command_of_detect_does_what_it_says(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forms.jsonl(tmp_path / "pets")
    monkeypatch.chdir(tmp_path)
    lvlm = load_once("tiny-llava-a")
    peft = get_peft_model(lvlm.model, lora_config(lvlm, 2, "language"))
    peft.save_pretrained("suspect")
    peft.unload()
    lvlm.model.requires_grad_(False)
    _, plain, as_json = run_commands("detect.md", monkeypatch, capsys)
    assert "\nnothing found: " in plain and json.loads(as_json)["fpr"] == 0.05
