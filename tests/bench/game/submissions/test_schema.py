"""Version 2: four closed kinds, a schema for editors, and errors with file, line and field."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.game.submissions.played import identify
from bench.game.submissions.read import locate, read_submission
from bench.game.submissions.schema import KINDS, Common, json_schema
from bench.game.submissions.version1 import Submission

ROOT = Path(__file__).parents[4]
SHIPPED = sorted((ROOT / "submissions").rglob("submission.yaml"))
Write = Callable[..., Path]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_shipped_submissions_are_valid_and_name_the_schema(file: Path) -> None:
    entry = read_submission(file)
    assert isinstance(entry, Common) and identify(entry, file).defenses
    (line,) = [line for line in file.read_text().splitlines() if line.startswith("# yaml-language-server: ")]
    assert (file.parent / line.split("$schema=")[1]).resolve() == ROOT / "submissions" / "schema.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    published = json.loads((ROOT / "submissions" / "schema.json").read_text())
    assert published == json_schema()
    assert set(published["discriminator"]["mapping"]) == set(KINDS)
    assert all(published["$defs"][model.__name__]["additionalProperties"] is False for model in KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_and_says_what_it_is_played_as(write: Write, kind: str) -> None:
    file = write(kind)
    entry = read_submission(locate(file.parent))
    assert not isinstance(entry, Submission) and isinstance(entry, KINDS[kind])
    (defense,) = identify(entry, file).defenses
    assert defense.name == "em" or defense.name.startswith(f"{kind}_")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["seeds", "victims", "datasets", "threats", "budget", "rank", "verified"])
def test_what_decides_the_rank_is_in_no_field(write: Write, kind: str, field: str) -> None:
    with pytest.raises(UserError, match=f"line \\d+: {field}: .*: no such field"):
        read_submission(write(kind, **{field: [0]}))


@pytest.mark.parametrize(
    ("kind", "changes", "line", "message"),
    [
        ("configured", {"title": "ab"}, 3, "title: 'ab'"),
        ("configured", {"title": "a\x1b[31mred"}, 3, "title: "),
        ("configured", {"authors": ["A", "a"]}, 4, "authors: "),
        ("configured", {"licence": ""}, 7, "licence: "),
        ("configured", {"repository": "javascript:alert(1)"}, 12, "repository: "),
        ("configured", {"repository": "https://a b"}, 12, "repository: "),
        ("configured", {"repository": "https://github.com@evil.example/x"}, 12, "repository: "),
        ("configured", {"claims": ["fine", "\u202e"]}, 14, "claims.1: "),
        ("configured", {"claims": ["x" * 301]}, 13, "claims.0: "),
        ("configured", {"defense": {"name": "nothing"}}, 10, "defense.name: 'nothing' is not known"),
        ("configured", {"defense": {"name": "em", "options": {"rounds": 0}}}, 11, "defense.options: "),
        ("configured", {"defense": {"name": "code_0123456789abcdef"}}, 10, "defense.name: "),
        ("configured", {"kind": "installed"}, 8, "kind: 'installed'; allowed"),
        ("code", {"file": "../mine.py"}, 9, "file: '../mine.py'"),
        ("code", {"file": "/etc/passwd"}, 9, "file: "),
        ("code", {"file": "other.py"}, 9, "file: 'other.py': No such file"),
        ("code", {"sha256": "0" * 64}, 10, "sha256: "),
        ("code", {"sha256": "0" * 63}, 10, "sha256: "),
        ("code", {"options": {"a": [1]}}, 12, "options.a"),
        ("release", {"made_for": {}}, 9, "made_for.dataset: missing"),
        ("attack", {"attack": "lora_sf"}, 9, "attack: 'lora_sf' is not known"),
        ("attack", {"attack": "lora_sft("}, 9, "attack: "),
        ("attack", {"attack": "lora_sft(epochs=-1)"}, 9, "attack: lora_sft, option epochs=-1: "),
        ("attack", {"attack": "lora_sft+jpeg(quality=x)"}, 9, "attack: part jpeg, option quality='x': "),
        ("attack", {"breaks": []}, 10, "breaks: "),
        (
            "attack",
            {"breaks": [{"name": "em"}, {"name": "em"}]},
            10,
            "breaks: \"[{'name': 'em'}, {'name': 'em'}]\": 'em' is there",
        ),
        ("attack", {"breaks": [{"name": "em"}, {"name": "e"}]}, 15, "breaks.1.name: 'e' is not known"),
    ],
)
def test_an_error_has_file_line_and_field(
    write: Write, kind: str, changes: dict[str, object], line: int, message: str
) -> None:
    file = write(kind, **changes)
    with pytest.raises(UserError) as error:
        entry = read_submission(file)
        assert not isinstance(entry, Submission)
        identify(entry, file)
    assert str(error.value).startswith(f"{str(file)[-200:]}, line {line}: {message}")
    assert str(error.value).isprintable()
