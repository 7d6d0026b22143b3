"""Files come from a given folder, `$BENCH_DATA` or the hub; an error says what to do if there are none."""

import shlex
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from bench.datasets.cards import HUB
from bench.datasets.fetch import download_command, fetch_files
from bench.errors import UserError


def silent(fraction: float, note: str) -> None:
    assert 0 <= fraction <= 1 and note


def copy(name: str, folder: Path, flat: bool = False) -> Path:
    for file in HUB[name].files:
        place = folder / (Path(file).name if flat else file)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """A hub that has every file. Returns the list of its requests."""
    requests = []

    def download(repo: str, file: str, *, repo_type: str, revision: str) -> str:
        requests.append((repo, file, repo_type, revision))
        place = tmp_path / "hub" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file)
        return str(place)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return requests


def test_exactly_the_pinned_files_at_the_pinned_commit_are_asked_for(hub: list) -> None:
    card = HUB["textvqa"]
    files, revision = fetch_files("textvqa", None, None, silent)
    assert hub == [(card.repo, file, "dataset", card.revision) for file in card.files]
    assert revision == card.revision and [path.read_text() for path in files.values()] == list(files)


def test_another_commit_can_be_asked_for_and_a_branch_cannot(hub: list) -> None:
    assert fetch_files("mmstar", None, "ab" * 20, silent)[1] == "ab" * 20 == hub[0][3]
    for wrong in ("main", "ab" * 19, "AB" * 20, ""):
        with pytest.raises(UserError, match=f"revision: '{wrong}'; allowed: a commit of Lin-Chen/MMStar"):
            fetch_files("mmstar", None, wrong, silent)


@pytest.mark.parametrize("flat", [True, False])
def test_a_folder_needs_no_hub_and_its_revision_is_its_content(hub: list, tmp_path: Path, flat: bool) -> None:
    folder = copy("docvqa", tmp_path / "copy", flat)
    files, revision = fetch_files("docvqa", folder, None, silent)
    assert [path.read_text() for path in files.values()] == list(HUB["docvqa"].files) and not hub
    assert revision.startswith("local-") and len(revision) == 22
    assert fetch_files("docvqa", copy("docvqa", tmp_path / "other", not flat), None, silent)[1] == revision
    files[HUB["docvqa"].files[3]].write_text("changed")
    assert fetch_files("docvqa", folder, None, silent)[1] != revision


def test_a_folder_that_lacks_a_file_is_told(tmp_path: Path) -> None:
    folder = copy("vqa-rad", tmp_path)
    (folder / HUB["vqa-rad"].files[1]).unlink()
    with pytest.raises(UserError, match=f"from: .* lacks {HUB['vqa-rad'].files[1]} .*0 more of 2"):
        fetch_files("vqa-rad", folder, None, silent)


@pytest.mark.parametrize("under", ["scienceqa", "ScienceQA"])
def test_a_copy_in_bench_data_is_taken_where_it_is_whole(
    hub: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under: str
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    copy("scienceqa", tmp_path / under)
    assert fetch_files("scienceqa", None, None, silent)[1].startswith("local-") and not hub
    (tmp_path / under / HUB["scienceqa"].files[2]).unlink()
    assert fetch_files("scienceqa", None, None, silent)[1] == HUB["scienceqa"].revision and len(hub) == 3


def test_without_a_hub_it_says_which_files_how_large_and_where_to_put_them() -> None:
    """The tests forbid the hub (HF_HUB_OFFLINE)."""
    with pytest.raises(UserError) as error:
        fetch_files("flickr8k", None, None, silent)
    message, card = str(error.value), HUB["flickr8k"]
    assert "\n" not in message and all(file in message for file in card.files)
    for part in ("'flickr8k' needs 4 files", "about 1100 MB", card.licence, "HF_HUB_OFFLINE forbids", "$BENCH_DATA"):
        assert part in message
    assert f"`{download_command(card)}`" in message and "`bench data prepare flickr8k --from flickr8k`" in message


def test_the_command_that_is_advised_is_one_the_hubs_client_takes() -> None:
    words = shlex.split(download_command(HUB["docvqa"]))
    assert words[:3] == ["hf", "download", "lmms-lab/DocVQA"] and set(HUB["docvqa"].files) < set(words)
    assert words[-6:] == [*("--repo-type", "dataset", "--revision", HUB["docvqa"].revision, "--local-dir", "DocVQA")]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (LocalEntryNotFoundError("no network"), "'mmstar' needs 1 files .* forbids"),
        (EntryNotFoundError("404"), "Lin-Chen/MMStar has no mmstar.parquet at commit bc98"),
    ],
)
def test_what_the_hub_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(UserError, match=message):
        fetch_files("mmstar", None, None, silent)


class Refusing(SimpleHTTPRequestHandler):
    """A hub that answers every question with one status."""

    status = 403

    def do_HEAD(self) -> None:
        self.send_error(self.status)

    do_GET = do_HEAD

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Refusing)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_hub_that_refuses_is_one_line(refusing: str, tmp_path: Path) -> None:
    """Run in a separate process, because the hub's client reads its settings only once."""
    import os
    import subprocess
    import sys

    settings = {"HF_ENDPOINT": refusing, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path), "BENCH_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli.main", "data", "prepare", "mmstar", "--quiet"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "error: dataset: 'mmstar' needs 1 files of Lin-Chen/MMStar, about 42 MB" in done.stderr
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
