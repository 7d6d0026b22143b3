"""A submission to begin with: valid as it is, never written over another; one command renews its checksums."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.game.submissions.played import identify
from bench.game.submissions.read import read_submission
from bench.game.submissions.scaffold import renew_sums, scaffold
from bench.game.submissions.schema import KINDS
from bench.game.submissions.version1 import Submission
from bench.samples import SampleSet

Bench = Callable[..., tuple[object, str, str]]


def name_of(folder: Path) -> str:
    """Return the name of the first defense of a submission, which must be valid."""
    entry = read_submission(folder / "submission.yaml")
    assert not isinstance(entry, Submission)
    return identify(entry, folder / "submission.yaml").defenses[0].name


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_valid_as_it_is(run_bench: Bench, tmp_path: Path, kind: str) -> None:
    arguments = ("new", "my-own", "--kind", kind, "--to", str(tmp_path / "new"), "--dataset", "emoji_smoke")
    code, out, error = run_bench("submit", *arguments)
    assert (code, error) == (0, "") and str(tmp_path / "new" / "my-own") in out
    code, out, error = run_bench("submit", "validate", str(tmp_path / "new" / "my-own"))
    assert (code, error) == (0, "") and f"valid: my-own, in one line for the leaderboard, kind {kind}" in out


def test_without_a_place_it_is_written_where_submissions_are(
    run_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("configured", "attack"):
        assert run_bench("submit", "new", "mine", "--kind", kind)[0] == 0
    assert name_of(Path("submissions/mine")) == name_of(Path("submissions/attacks/mine")) == "em"


@pytest.mark.parametrize("name", ["null", "true", "a", "y", "x" * 60])
def test_names_that_mean_something_in_yaml_are_titles_too(tmp_path: Path, name: str) -> None:
    assert name_of(scaffold("code", name, tmp_path, "tags")).startswith("code_")


def test_a_schema_above_is_named_for_editors(tmp_path: Path) -> None:
    assert "$schema" not in (scaffold("code", "a", tmp_path, "tags") / "submission.yaml").read_text()
    (tmp_path / "schema.json").write_text("{}")
    for name, parent in (("b", tmp_path), ("c", tmp_path / "attacks")):
        folder = scaffold("attack", name, parent, "tags")
        (line,) = [line for line in (folder / "submission.yaml").read_text().splitlines() if "$schema=" in line]
        assert (folder / line.split("$schema=")[1]).resolve() == tmp_path / "schema.json"


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_nothing_is_overwritten(run_bench: Bench, tmp_path: Path, there: str) -> None:
    place = tmp_path / "mine"
    {"folder": place.mkdir, "file": place.touch, "link": lambda: place.symlink_to(tmp_path / "nowhere")}[there]()
    code, out, error = run_bench("submit", "new", "mine", "--kind", "code", "--to", str(tmp_path))
    assert (code, out) == (2, "") and "is there already; allowed: a new folder" in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["mine"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../out"}, "name: '../out'; allowed: a-z"),
        ({"name": ""}, "name: ''; allowed: a-z"),
        ({"name": "a\x1b[31m"}, "name: 'a\\x1b[31m'; allowed"),
        ({"name": "A"}, "name: 'A'; allowed: a-z"),
        ({"kind": "config"}, "kind: 'config' is not known; did you mean 'configured'?"),
        ({"dataset": "scene"}, "dataset: 'scene' is not known; did you mean 'scenes'?"),
        ({"dataset": "vqa_rad", "kind": "release"}, "vqa_rad"),
        ({"parent": Path("/proc/nothing")}, "to: '/proc/nothing': No such file"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    bench_home: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    arguments = {"kind": "code", "name": "mine", "parent": tmp_path / "new", "dataset": "tags", **changes}
    with pytest.raises(UserError) as error:
        scaffold(**arguments)  # type: ignore[arg-type]
    assert message in str(error.value) and str(error.value).isprintable()
    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())


def test_changed_code_is_valid_again_after_its_sum_is_renewed(tmp_path: Path) -> None:
    folder = scaffold("code", "mine", tmp_path, "tags")
    before = name_of(folder)
    with (folder / "mine.py").open("a") as stream:
        stream.write("# a change\n")
    with pytest.raises(UserError, match="sha256"):
        name_of(folder)
    assert renew_sums(folder) == folder / "submission.yaml"
    assert name_of(folder) != before
    (folder / "mine.py").unlink()
    with pytest.raises(UserError, match=r"file: 'mine\.py': No such file"):
        renew_sums(folder)


def test_a_changed_release_is_valid_again_after_its_sums_are_renewed(tmp_path: Path) -> None:
    folder = scaffold("release", "mine", tmp_path, "emoji_smoke")
    before = name_of(folder)
    clean = SampleSet.load(folder / "release")
    (folder / "release" / "metadata.jsonl").unlink()
    for picture in (folder / "release" / "images").iterdir():
        picture.unlink()
    (folder / "release" / "images").rmdir()
    (folder / "release").rmdir()
    SampleSet(tuple(s.with_release(s.pixels ^ 1, s.question) for s in clean)).save(folder / "release")
    with pytest.raises(UserError, match="SHA256SUMS"):
        name_of(folder)
    assert renew_sums(folder) == folder / "SHA256SUMS"
    assert name_of(folder) != before


def test_a_kind_without_files_has_no_sums(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checksums; allowed: a submission of the kind code or release"):
        renew_sums(scaffold("attack", "mine", tmp_path, "tags"))


@pytest.mark.parametrize(
    "make", [os.mkfifo, Path.mkdir, lambda file: file.symlink_to("/dev/zero"), lambda file: file.symlink_to(file)]
)
@pytest.mark.parametrize(("kind", "place"), [("code", "mine.py"), ("release", "release/images/more.png")])
def test_what_is_no_file_has_no_sum(tmp_path: Path, kind: str, place: str, make: Callable[[Path], object]) -> None:
    folder = scaffold(kind, "mine", tmp_path, "emoji_smoke")
    (folder / place).unlink(missing_ok=True)
    make(folder / place)
    with pytest.raises(UserError) as error:
        renew_sums(folder)
    assert Path(place).name in str(error.value) and str(error.value).isprintable()


def test_a_folder_in_the_place_of_sums_is_one_line(tmp_path: Path) -> None:
    folder = scaffold("release", "mine", tmp_path, "emoji_smoke")
    (folder / "SHA256SUMS").unlink()
    (folder / "SHA256SUMS").mkdir()
    with pytest.raises(UserError, match="SHA256SUMS': Is a directory; allowed: a file that can be written"):
        renew_sums(folder)
