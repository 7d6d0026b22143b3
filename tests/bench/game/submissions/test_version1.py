"""Version 1 of a submission is still read: closed, small, and never executed."""

import re
from pathlib import Path

import pytest
import yaml

from bench.errors import UserError
from bench.game.submissions.read import read_submission
from bench.game.submissions.version1 import Submission
from bench.yamlfile import MAX_BYTES

GOOD = {"version": 1, "title": "A title", "authors": ["someone"], "defense": {"name": "em", "options": {"rounds": 2}}}


def written(folder: Path, text: str) -> Path:
    file = folder / "entry.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_round_trip(tmp_path: Path) -> None:
    made = read_submission(written(tmp_path, yaml.safe_dump({**GOOD, "seeds": [0, 1], "threats": ["white", "black"]})))
    assert isinstance(made, Submission)
    assert len(made.runs("lora_sft")) == 4
    assert made.defense.options == {"rounds": 2}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": 2}, "kind: missing"),
        ({"version": 3}, "version"),
        ({"extra": 1}, "extra"),
        ({"title": ""}, "title"),
        ({"title": "a\x1b[31mred"}, "title"),
        ({"defense": {"name": "os.system"}}, "defense.name"),
        ({"defense": {"name": "em", "options": {"x": [1]}}}, "defense.options.x"),
        ({"budget": {"epsilon": 999}}, "budget.epsilon"),
        ({"seeds": []}, "seeds"),
        ({"threats": ["grey"]}, "threats.0"),
        ({"budget": {"epsilon": float("nan")}}, "line 4: '.nan'"),
    ],
)
def test_wrong_fields_are_named(tmp_path: Path, change: dict[str, object], field: str) -> None:
    file = tmp_path / "entry.yaml"
    file.write_text(yaml.safe_dump({**GOOD, **change}), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_submission(file)
    told = re.sub(r"^, line \d+: |^: ", "", str(error.value).removeprefix(str(file)[-200:]))
    assert told.startswith(field)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "a: &x [1, 2]\nb: *x",
        "&a [*a]",
        "[" * 5000,
        "\t- broken: [",
        "just a word",
    ],
)
def test_hostile_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError):
        read_submission(written(tmp_path, text))


def test_too_large_and_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="allowed"):
        read_submission(written(tmp_path, "#" * (MAX_BYTES + 1)))
    with pytest.raises(UserError, match="does not exist"):
        read_submission(tmp_path / "nowhere.yaml")
