"""An attack may bring a tuner or part of its own in a file, which is named by its content and never executed here."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from attacks import REGISTRY as ATTACKS
from attacks.parts import PARTS
from bench.errors import UserError
from bench.game.submissions.played import Played, identify, name_attack
from bench.game.submissions.read import read_submission
from bench.game.submissions.scaffold import renew_sums, scaffold
from bench.game.submissions.schema import Attack

Bench = Callable[..., tuple[object, str, str]]


@pytest.fixture
def folder(bench_home: Path) -> Path:
    """An attack with a part of its own."""
    return scaffold("attack", "mine", bench_home / "submissions" / "attacks", "tags", code=True)


def read(folder: Path) -> tuple[Attack, Played]:
    file = folder / "submission.yaml"
    entry = read_submission(file)
    assert isinstance(entry, Attack)
    return entry, identify(entry, file)


def change(folder: Path, old: str, new: str) -> Path:
    file = folder / "submission.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    return folder


def test_it_is_named_by_its_content(folder: Path) -> None:
    entry, played = read(folder)
    code = f"code_{entry.sha256[:16]}"
    assert name_attack(entry).name == f"lora_sft+{code}"
    assert PARTS.entry(code) is None, "nothing is written before it is played"
    played.keep()
    assert [(kind, name) for kind, name, _ in ATTACKS.foreign(name_attack(entry).name)] == [("part", code)]


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        ("mine(a=1)+jpeg(quality=30)", {"name": "{code}+jpeg", "options": {"a": 1, "jpeg.quality": 30}}),
        ("lora_sft(rank=8)+mine(a=1)", {"name": "lora_sft+{code}", "options": {"rank": 8, "{code}.a": 1}}),
    ],
)
def test_its_options_follow_its_name(folder: Path, attack: str, named: dict[str, object]) -> None:
    entry, _ = read(change(folder, "lora_sft+mine", attack))
    code = f"code_{entry.sha256[:16]}"
    assert str(name_attack(entry).model_dump()) == str(named).replace("{code}", code)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lora_sft+mine", "lora_sft+jpeg", "attack: 'lora_sft+jpeg' does not name 'mine'"),
        ("lora_sft+mine", "lora_sft+mine+no_such", "part: 'no_such' is not known"),
        ("lora_sft+mine", "no_such+mine", "attack: 'no_such' is not known"),
        ("lora_sft+mine", "lora_sft(rank=0)+mine", "attack: lora_sft, option rank=0"),
        ("lora_sft+mine", "mine+jpeg(quality=0)", "part jpeg, option quality=0"),
        ("mine.py", "../mine.py", "file: '../mine.py'"),
        ("mine.py", "other.py", "does not name 'other'"),
        ("sha256: ", "# sha256: ", "sha256: there without a file, or a file without it"),
    ],
)
def test_what_is_wrong_is_one_line(folder: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        read(change(folder, old, new))
    assert told in str(error.value) and str(error.value).isprintable(), str(error.value)


def test_a_name_of_the_suite_is_taken(bench_home: Path) -> None:
    with pytest.raises(UserError, match="file: 'jpeg' is a name of `bench list`"):
        read(scaffold("attack", "jpeg", bench_home, "tags", code=True))


def test_other_code_needs_another_checksum(folder: Path) -> None:
    (folder / "mine.py").write_text("import os\n")
    with pytest.raises(UserError, match=r"sha256: .* is not of 'mine.py'"):
        read(folder)
    renew_sums(folder)
    assert read(folder)


def test_only_an_attack_has_code_beside_its_kind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="code: with the kind release; allowed"):
        scaffold("release", "mine", tmp_path, "tags", code=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_a_mock_trains_in_the_sandbox(run_bench: Bench, folder: Path) -> None:
    code, out, error = run_bench("submit", "mock", str(folder))
    assert code == 0 and "error: " not in error, out + error
    assert [line.split()[1] for line in out.splitlines()] == ["knowledge:", "samples:", "runs:", "repeats:", "loss:"]
