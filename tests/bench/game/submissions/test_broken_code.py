"""An attack may break the code or the release that another entry brings, by the name that it is played under."""

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.game.submissions.played import DATASET, Played, identify, make_cells
from bench.game.submissions.read import read_submission
from bench.game.submissions.scaffold import scaffold
from bench.game.submissions.schema import Attack, Code, Entry, Release
from bench.play import chain
from defenses import REGISTRY as DEFENSES


@pytest.fixture
def folder(bench_home: Path) -> Path:
    """A folder of submissions with code, a broken entry, and an attack."""
    submissions = bench_home / "submissions"
    scaffold("code", "code", submissions, "tags")
    (submissions / "a-broken-one").mkdir()
    (submissions / "a-broken-one" / "submission.yaml").write_text("version: 2\nkind: code\n")
    scaffold("attack", "mine", submissions / "attacks", "tags")
    return submissions


def read(file: Path) -> tuple[Entry, Played]:
    entry = read_submission(file)
    assert isinstance(entry, Code | Attack)
    return entry, identify(entry, file)


def aim(folder: Path, name: str) -> Path:
    file = folder / "attacks" / "mine" / "submission.yaml"
    file.write_text(file.read_text().replace("name: em", f"name: {name}"))
    return file


def test_the_code_of_another_entry_is_found_and_kept(folder: Path) -> None:
    name = read(folder / "code" / "submission.yaml")[1].defenses[0].name
    entry, played = read(aim(folder, name))
    assert DEFENSES.entry(name) is None, "nothing is written before it is played"
    played.keep()
    assert DEFENSES.entry(name) is not None
    (spec, *_), *_ = make_cells(entry, played, "lora_sft")
    assert (spec.defense.name, spec.attack.name) == (name, "lora_sft+jpeg")


@pytest.mark.parametrize("name", ["code_0123456789abcdef", "release_0123456789abcdef"])
def test_what_is_in_no_entry_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"breaks\.0\.name: '{name}' is not known.*that others are played as"):
        read(aim(folder, name))


def test_changed_code_is_no_longer_the_one_that_was_named(folder: Path) -> None:
    name = read(folder / "code" / "submission.yaml")[1].defenses[0].name
    (folder / "code" / "code.py").write_text("import os\n")
    with pytest.raises(UserError, match="is not known"):
        read(aim(folder, name))


def test_an_attack_without_a_folder_above_is_read_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(aim(folder, "code_0123456789abcdef").parent)
    with pytest.raises(UserError, match="is not known"):
        read(Path("submission.yaml"))


def test_the_release_of_another_entry_is_played_where_it_was_made_for(folder: Path) -> None:
    other = scaffold("release", "closed", folder, "emoji_smoke") / "submission.yaml"
    other.write_text(other.read_text().replace("threat: black", "threat: gray"))
    release = read_submission(other)
    assert isinstance(release, Release)
    name = identify(release, other).defenses[0].name
    entry, played = read(aim(folder, name))
    played.keep()
    (specs,) = make_cells(entry, played, "lora_sft")
    assert {(s.defense.name, s.dataset, s.threat) for s in specs} == {(name, "emoji_smoke", "gray")}
    assert chain.plan_runs(entry, {}, "required", False, played.origins) == specs


def test_beside_a_release_other_defenses_are_played_on_the_leaderboard(folder: Path) -> None:
    other = scaffold("release", "closed", folder, "emoji_smoke") / "submission.yaml"
    release = read_submission(other)
    assert isinstance(release, Release)
    name = identify(release, other).defenses[0].name
    entry, played = read(aim(folder, f"{name}}}\n  - {{name: em"))
    played.keep()
    cells = {(c[0].defense.name, c[0].dataset, c[0].threat) for c in make_cells(entry, played, "lora_sft")}
    assert cells == {(name, "emoji_smoke", "black"), ("em", DATASET, "white"), ("em", DATASET, "black")}
