"""A pull request adds one valid entry in a new folder; whatever else it changes is refused in one line."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from bench.errors import UserError
from bench.game.submissions.files import sum_release
from bench.game.submissions.read import read_submission
from bench.game.submissions.review import check_options, review
from bench.game.submissions.scaffold import renew_sums, scaffold
from bench.game.submissions.schema import KINDS

ROOT = Path(__file__).parents[4]
Bench = Callable[..., tuple[object, str, str]]


def git(folder: Path, *arguments: str) -> None:
    names = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(bench_home: Path) -> Path:
    """A repository with one row and two entries of others, on a branch of a pull request."""
    place = bench_home / "repository"
    (place / "results").mkdir(parents=True)
    (place / "results" / "rows.csv").write_text("em,0.5\n")
    file = scaffold("configured", "others", place / "submissions", "tags") / "submission.yaml"
    file.write_text(file.read_text().replace("{rounds: 2}", "{rounds: 3, image_steps: 2}"))
    scaffold("attack", "others", place / "submissions" / "attacks", "tags")
    git(place, "init", "-q", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "begin")
    git(place, "checkout", "-q", "-b", "entry")
    return place


def commit(repository: Path) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "an entry")


def refusal(repository: Path, base: str = "main") -> str:
    commit(repository)
    with pytest.raises(UserError) as error:
        review(repository, base)
    assert str(error.value).isprintable()
    return str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_entry_of_each_kind_passes(run_bench: Bench, repository: Path, kind: str) -> None:
    parent = repository / "submissions" / ("attacks" if kind == "attack" else "")
    folder = scaffold(kind, "mine", parent, "emoji_smoke")
    if kind == "attack":
        (folder / "submission.yaml").write_text(
            (folder / "submission.yaml").read_text().replace("quality=30", "quality=40")
        )
    commit(repository)
    code, out, error = run_bench("submit", "review", "main", "--repository", str(repository))
    assert (code, error) == (0, "") and f"one new entry: {folder.relative_to(repository)}" in out


def test_what_main_gained_in_the_meantime_is_no_change_of_the_entry(repository: Path) -> None:
    scaffold("code", "mine", repository / "submissions", "tags")
    commit(repository)
    git(repository, "checkout", "-q", "main")
    (repository / "results" / "rows.csv").write_text("em,0.5\nhypo,0.4\n")
    commit(repository)
    git(repository, "checkout", "-q", "entry")
    assert review(repository, "main")[0] == Path("submissions/mine")


def a_changed_row(repository: Path) -> None:
    (repository / "results" / "rows.csv").write_text("em,0.9\n")


def a_removed_row(repository: Path) -> None:
    (repository / "results" / "rows.csv").unlink()


def a_moved_row(repository: Path) -> None:
    git(repository, "mv", "results/rows.csv", "submissions/mine/rows.csv")


def anothers_entry(repository: Path) -> None:
    with (repository / "submissions" / "others" / "submission.yaml").open("a") as stream:
        stream.write("paper: mine\n")


def anothers_entry_removed(repository: Path) -> None:
    (repository / "submissions" / "others" / "submission.yaml").unlink()


def a_file_in_anothers_folder(repository: Path) -> None:
    (repository / "submissions" / "others" / "more.py").write_text("")


def a_second_entry(repository: Path) -> None:
    scaffold("code", "second", repository / "submissions", "tags")


def a_file_outside(repository: Path) -> None:
    (repository / "conftest.py").write_text("")


def a_workflow(repository: Path) -> None:
    (repository / ".github" / "workflows").mkdir(parents=True)
    (repository / ".github" / "workflows" / "x.yml").write_text("on: push\n")


def a_link(repository: Path) -> None:
    (repository / "submissions" / "mine" / "extra").symlink_to("/etc/passwd")


def a_program(repository: Path) -> None:
    (repository / "submissions" / "mine" / "mine.py").chmod(0o755)


def a_submodule(repository: Path) -> None:
    head = (repository / ".git" / "refs" / "heads" / "main").read_text().strip()
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{head},submissions/mine/module")


def another_file_of_the_entry(repository: Path) -> None:
    (repository / "submissions" / "mine" / "setup.py").write_text("")


def a_name_that_is_none(repository: Path) -> None:
    (repository / "submissions" / "mine" / "a\x1b[31m\n.py").write_text("")


def code_that_is_not_that_of_its_checksum(repository: Path) -> None:
    (repository / "submissions" / "mine" / "mine.py").write_text("import os\n")


def a_rank(repository: Path) -> None:
    with (repository / "submissions" / "mine" / "submission.yaml").open("a") as stream:
        stream.write("seeds: [0]\n")


REFUSED: dict[Callable[[Path], None], str] = {
    a_changed_row: "changes: 'results/rows.csv' is no file of an entry",
    a_removed_row: "changes: 'results/rows.csv' is no file of an entry",
    a_moved_row: "changes: 'results/rows.csv' is no file of an entry",
    anothers_entry: "changes: 'submissions/others/submission.yaml' was there before",
    anothers_entry_removed: "changes: 'submissions/others/submission.yaml' was there before",
    a_file_in_anothers_folder: "changes: 2 folders",
    a_second_entry: "changes: 2 folders, submissions/mine, submissions/second",
    a_file_outside: "changes: 'conftest.py' is no file of an entry",
    a_workflow: "changes: '.github/workflows/x.yml' is no file of an entry",
    a_link: "changes: 'submissions/mine/extra' has the mode 120000",
    a_program: "changes: 'submissions/mine/mine.py' has the mode 100755",
    another_file_of_the_entry: "changes: 'setup.py' is no file of the kind code; allowed: mine.py, submission.yaml",
    a_name_that_is_none: "changes: 'a\\x1b[31m\\n.py' is no file of the kind code",
    code_that_is_not_that_of_its_checksum: "sha256: ",
    a_rank: "seeds: ",
}


@pytest.mark.parametrize("deed", REFUSED, ids=lambda deed: deed.__name__)
def test_what_an_entry_may_not_do_is_refused(repository: Path, deed: Callable[[Path], None]) -> None:
    scaffold("code", "mine", repository / "submissions", "tags")
    deed(repository)
    assert REFUSED[deed] in refusal(repository)


def test_a_submodule_is_refused(repository: Path) -> None:
    scaffold("code", "mine", repository / "submissions", "tags")
    git(repository, "add", "-A")
    a_submodule(repository)
    git(repository, "commit", "-q", "-m", "an entry")
    with pytest.raises(UserError, match="'submissions/mine/module' has the mode 160000"):
        review(repository, "main")


def test_an_old_folder_takes_no_new_file(repository: Path) -> None:
    a_file_in_anothers_folder(repository)
    assert "changes: submissions/others was there before" in refusal(repository)


@pytest.mark.parametrize("place", ["submissions/attacks", "submissions"])
def test_attacks_and_defenses_have_their_own_places(repository: Path, place: str) -> None:
    scaffold("code" if place.endswith("attacks") else "attack", "mine", repository / place, "tags")
    assert "allowed: attacks in submissions/attacks" in refusal(repository)


def test_a_copy_under_another_name_is_refused_however_it_is_written(repository: Path) -> None:
    file = scaffold("configured", "copy", repository / "submissions", "tags") / "submission.yaml"
    file.write_text(file.read_text().replace("{rounds: 2}", "{image_steps: 2.0, inner_steps: 5, rounds: 3}"))
    assert "submissions/copy is played exactly as submissions/others" in refusal(repository)


def test_a_copied_release_or_attack_is_refused(repository: Path) -> None:
    scaffold("attack", "copy", repository / "submissions" / "attacks", "tags")
    assert "is played exactly as submissions/attacks/others" in refusal(repository)
    git(repository, "checkout", "-q", "main")
    first = scaffold("release", "first", repository / "submissions", "emoji_smoke")
    (first / "SHA256SUMS").write_text(sum_release(first))
    commit(repository)
    git(repository, "checkout", "-q", "-b", "second")
    scaffold("release", "second", repository / "submissions", "emoji_smoke")
    assert "submissions/second is played exactly as submissions/first" in refusal(repository)


def test_a_release_is_a_copy_however_its_files_write_it(repository: Path) -> None:
    first = scaffold("release", "first", repository / "submissions", "emoji_smoke")
    renew_sums(first)
    commit(repository)
    git(repository, "branch", "-f", "main")
    second = scaffold("release", "second", repository / "submissions", "emoji_smoke")
    for file in (second / "release" / "images").iterdir():
        picture = Image.open(file)
        picture.save(file, compress_level=0)
    texts = second / "release" / "metadata.jsonl"
    texts.write_bytes(texts.read_bytes().replace(b'", "', b'",   "'))
    renew_sums(second)
    assert "submissions/second is played exactly as submissions/first" in refusal(repository)
    pixels = np.asarray(Image.open(file)).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(file)
    renew_sums(second)
    commit(repository)
    assert review(repository, "main")[0] == Path("submissions/second")


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
@pytest.mark.parametrize(
    ("kind", "old", "same", "other"),
    [
        ("code", "options: {}", "options: {share: 1}", "options: {share: 0.5}"),
        ("attack", "+mine", "+mine(radius=1)", "+mine(radius=2.5)"),
    ],
)
def test_code_is_a_copy_with_its_defaults_written_out(
    repository: Path, kind: str, old: str, same: str, other: str
) -> None:
    """That is seen where the code may run, in the sandbox: without it, options of code are not read."""
    place = Path("submissions", "attacks" if kind == "attack" else "")
    first = scaffold(kind, "mine", repository / place, "tags", code=kind == "attack")
    copy = shutil.copytree(first, repository / place / "copy") / "submission.yaml"
    text = copy.read_text()
    copy.write_text(text.replace(old, other))
    check_options(read_submission(copy), repository, place / "copy")
    copy.write_text(text.replace(old, same))
    with pytest.raises(UserError, match=r"copy is played exactly as submissions/.*mine; allowed"):
        check_options(read_submission(copy), repository, place / "copy")


def test_a_new_entry_is_of_the_version_of_today(repository: Path) -> None:
    (repository / "submissions" / "mine").mkdir()
    (repository / "submissions" / "mine" / "submission.yaml").write_text(
        "version: 1\ntitle: A title\nauthors: [A]\ndefense: {name: em}\n"
    )
    assert "version: 1; allowed in a new entry: 2" in refusal(repository)


def test_no_change_a_base_that_is_none_and_no_repository_are_one_line(repository: Path, tmp_path: Path) -> None:
    for place, base, message in (
        (repository, "main", "changes: none since 'main'"),
        (repository, "nowhere", "allowed: a base that is a commit of this repository"),
        (repository, "--output=/tmp/x", "base: '--output=/tmp/x'; allowed: a commit"),
        (tmp_path / "nothing", "main", "git: "),
    ):
        with pytest.raises(UserError, match=r"^(changes|git|base): ") as error:
            review(place, base)
        assert message in str(error.value) and str(error.value).isprintable()


def test_the_workflow_has_no_secrets_and_runs_the_judge_of_the_base() -> None:
    text = (ROOT / ".github" / "workflows" / "submission.yml").read_text()
    workflow = yaml.safe_load(text)
    assert set(workflow[True]) == {"pull_request"}, "YAML 1.1 reads the key `on` as true"
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in text and "GITHUB_TOKEN" not in text and "github.token" not in text
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job and job["timeout-minutes"] <= 30
    used = [step for step in job["steps"] if "uses" in step]
    assert all(len(step["uses"].split("@")[1].split()[0]) == 40 for step in used), "actions are pinned by commit"
    checkouts = {step["with"]["path"]: step["with"] for step in used if "checkout" in step["uses"]}
    assert checkouts["judge"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert checkouts["entry"]["ref"] == "${{ github.event.pull_request.head.sha }}"
    assert all(options["persist-credentials"] is False for options in checkouts.values())
    scripts = [step for step in job["steps"] if "run" in step]
    assert not any("${{" in step["run"] for step in scripts), "foreign text never becomes a command"
    assert all(step.get("working-directory", "judge") == "judge" for step in scripts)
    assert any("bench submit review" in step["run"] and "--mock" in step["run"] for step in scripts)
