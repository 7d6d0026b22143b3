"""Downloads from a hub on this machine, through huggingface_hub's own code: they continue, or say what to do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import victims
from bench.errors import UserError
from bench.victims import HUB
from bench.victims.wholeness import list_missing_of_download
from tests.bench.victims.fake_hub import FakeHub, serve, split_checkpoint

NAME = "llava-1.5-7b"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small LLaVA in two shards, which stands for the published one."""
    return split_checkpoint("tiny-llava-a", tmp_path_factory.mktemp("shards"))


@pytest.fixture
def hub(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The only hub that this process and its children can reach."""
    with serve(FakeHub(HUB[NAME].source, HUB[NAME].commit, files)) as hub:
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.address)
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            hub.address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        yield hub


def play(hub: FakeHub, home: Path, victim: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the cheapest cell on a victim, as a person does."""
    ours = {
        "HF_ENDPOINT": hub.address,
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_HUB_OFFLINE": "0",
        "BENCH_HOME": str(home),
    }
    options = ("--defense", "none", "--attack", "none", "--dataset", "emoji_smoke", "--victim", victim)
    code = "from bench.cli.main import main; main()"
    command = [sys.executable, "-c", code, "run", *options]
    return subprocess.run(command, env={**os.environ, **ours, **variables}, capture_output=True, text=True)


def keep(folder: Path, names: set[str]) -> None:
    """Take a download back to where only some of its files were finished."""
    for file in folder.iterdir():
        if file.name not in names:
            file.resolve().unlink()
            file.unlink()


@pytest.mark.parametrize(
    "lost",
    [set(), {SHARDS[1]}, {SHARDS[0], "tokenizer.json"}, "all but the config", "everything"],
    ids=["nothing", "a shard", "a shard and the tokenizer", "all but the config", "everything"],
)
def test_a_download_continues_with_what_is_missing(hub: FakeHub, files: dict[str, bytes], lost: set[str] | str) -> None:
    folder = victims.fetch(NAME)
    names = {"everything": set(files), "all but the config": set(files) - {"config.json"}}.get(str(lost), lost)
    keep(folder, set(files) - set(names))
    assert victims.locate(NAME) == (None if names else folder)
    hub.requests.clear()
    assert victims.fetch(NAME) == folder == victims.locate(NAME)
    assert hub.fetched() == sorted(names)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == files


@pytest.mark.parametrize(
    "lost",
    ["config.json", "tokenizer_config.json", "preprocessor_config.json", "model.safetensors.index.json", *SHARDS],
)
def test_files_that_another_program_fetched_are_not_taken_for_all(hub: FakeHub, tmp_path: Path, lost: str) -> None:
    """The index alone may be missing: the shards' own names say that they are all."""
    listed = victims.fetch(NAME)
    unlisted = tmp_path / "elsewhere" / "models--a--b" / "snapshots" / HUB[NAME].commit
    unlisted.mkdir(parents=True)
    for file in listed.iterdir():
        (unlisted / file.name).write_bytes(file.read_bytes())
    assert list_missing_of_download(unlisted, "a/b") == []
    (unlisted / lost).unlink()
    assert list_missing_of_download(unlisted, "a/b") == ([] if lost.endswith("index.json") else [lost])


def test_a_broken_connection_says_what_is_missing_and_the_same_command_goes_on(hub: FakeHub) -> None:
    hub.stop_after = 1000
    with pytest.raises(
        UserError, match=r"only partly on this machine \(missing: .*model-00002.*continues the download"
    ):
        victims.fetch(NAME)
    hub.stop_after = None
    hub.requests.clear()
    assert victims.fetch(NAME) == victims.locate(NAME)
    assert hub.fetched() == list(SHARDS)


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_model_says_where_to_accept_and_how_to_log_in(hub: FakeHub, status: int) -> None:
    hub.error = (status, "GatedRepo")
    with pytest.raises(UserError) as error:
        victims.fetch(NAME)
    assert str(error.value) == (
        "victim: 'llava-1.5-7b' is gated: accept its licence at https://huggingface.co/llava-hf/llava-1.5-7b-hf, "
        "then log in with `hf auth login`, or set HF_TOKEN"
    )


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (401, "", "the hub refuses llava-hf/llava-1.5-7b-hf to this login; log in with `hf auth login`"),
        (403, "", "the hub refuses llava-hf/llava-1.5-7b-hf to this login"),
        (404, "RepoNotFound", "the hub shows no model llava-hf/llava-1.5-7b-hf"),
        (404, "RevisionNotFound", "the hub has no such commit of llava-hf/llava-1.5-7b-hf any more"),
    ],
)
def test_what_the_hub_answers_is_told_in_one_line(hub: FakeHub, status: int, code: str, line: str) -> None:
    hub.error = (status, code)
    with pytest.raises(UserError) as error:
        victims.fetch(NAME)
    assert line in str(error.value) and "\n" not in str(error.value)


def test_a_name_without_a_pin_has_a_revision_before_anything_is_named(hub: FakeHub) -> None:
    """It is the commit whose files are here, and stays it when the hub has a newer one."""
    hub.source, first, second = "somebody/model", "a" * 40, "b" * 40
    hub.commit = first
    assert victims.revision("somebody/model") == first
    assert victims.family("somebody/model") == "llava" and victims.recipe_of("somebody/model").name == "tiny"
    hub.commit = second
    victims.revision.cache_clear()
    assert victims.revision("somebody/model@fp16") == first
    assert str(victims.locate("somebody/model")).endswith(first)


def test_a_name_that_the_hub_does_not_know_is_an_error_before_anything_is_named(hub: FakeHub) -> None:
    for ask in (victims.revision, victims.architecture, victims.precision):
        with pytest.raises(UserError, match=r"'nobody/nothing': the hub shows no model nobody/nothing; allowed: .*"):
            ask("nobody/nothing")


def test_a_copy_that_was_broken_off_says_how_to_go_on(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / NAME
    copy.mkdir()
    for name in set(files) - {SHARDS[1]}:
        (copy / name).write_bytes(files[name])
    monkeypatch.setenv("BENCH_MODELS", str(tmp_path))
    for victim, way in (
        (NAME, f"`hf download {HUB[NAME].source} --revision .* --local-dir .*`"),
        (str(copy), "a whole"),
    ):
        with pytest.raises(UserError, match=rf"is not whole \(missing: {SHARDS[1]}\); allowed: {way}"):
            victims.check_available([victim])


def test_runs_offline_say_what_is_missing_and_runs_online_fetch_it(hub: FakeHub, bench_home: Path) -> None:
    """`bench run` on a download that was broken off: exit code 2 and one line, then a result."""
    hub.error = (401, "GatedRepo")
    gated = play(hub, bench_home, NAME)
    assert gated.returncode == 2 and "log in with `hf auth login`" in gated.stderr
    hub.error = None
    keep(victims.fetch(NAME), {"config.json", "model.safetensors.index.json", SHARDS[0]})
    partly = play(hub, bench_home, NAME, HF_HUB_OFFLINE="1")
    assert partly.returncode == 2 and partly.stderr.count("\n") == 1
    assert partly.stderr.startswith(
        "error: victim: 'llava-1.5-7b' is only partly on this machine (missing: chat_template.jinja, "
        "generation_config.json, model-00002-of-00002.safetensors and 3 more) and HF_HUB_OFFLINE forbids downloads"
    )
    hub.requests.clear()
    played = play(hub, bench_home, NAME)
    assert played.returncode == 0, played.stderr
    assert SHARDS[1] in hub.fetched() and SHARDS[0] not in hub.fetched()
