"""Machines share artefacts through any fsspec URL, and never see an incomplete one."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer

from bench.errors import UserError
from bench.spec import identity
from bench.store import artifacts, remote

PAYLOAD = {"input": "abc", "seed": 1}
KEY = identity(PAYLOAD)
FILES = {"out.json": b'"one"', "images/a.png": bytes(range(256)) * 40, "images/é b.png": b"", "deep/er/x.txt": b"x"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Start an S3 server in this process, and yield its URL."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["memory", "file", "s3"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of an empty shared store: in memory, in a folder, and on S3."""
    url = {"memory": "memory://shared/bench", "file": f"file://{tmp_path}/shared", "s3": "s3://shared/some/bench"}
    (tmp_path / "shared").mkdir()
    if request.param == "s3":
        environment = {
            "AWS_ENDPOINT_URL": request.getfixturevalue("s3"),
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="shared")
    monkeypatch.setenv("BENCH_ARTIFACTS", url[request.param])
    yield url[request.param]
    if request.param != "file":
        fs, root = fsspec.url_to_fs(url[request.param], use_listings_cache=False)
        if fs.exists(root):
            fs.rm(root, recursive=True)
    if request.param == "s3":
        boto3.client("s3").delete_bucket(Bucket="shared")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that continues as a process of the machine with this name, and returns its home."""

    def start(name: str) -> Path:
        monkeypatch.setenv("BENCH_HOME", str(tmp_path / name))
        monkeypatch.setattr(artifacts, "_verified_manifests", {})
        return tmp_path / name

    start("one")
    return start


def write(folder: Path) -> None:
    """Write FILES into the folder of an artefact."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def never(folder: Path) -> None:
    pytest.fail("computed twice")


def stored(url: str) -> list[str]:
    """Return the paths of all objects in the shared store."""
    fs, root = fsspec.url_to_fs(url, use_listings_cache=False)
    return sorted(path[len(root.rstrip("/")) + 1 :] for path in fs.find(root))


def break_method(monkeypatch: pytest.MonkeyPatch, url: str, method: str, error: Exception) -> None:
    """Make a method of the store's driver fail. Asynchronous drivers give each object methods of its own."""

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(remote._open_url(url)[0], method, fails)


def test_a_second_machine_gets_everything_and_computes_nothing(shared: str, machine: Callable[[str], Path]) -> None:
    first = artifacts.make("stage", PAYLOAD, write)
    home = machine("two")
    assert artifacts.list_finished() == {("stage", KEY)}
    assert not home.exists()
    second = artifacts.make("stage", PAYLOAD, never)
    assert second.reused
    assert second.folder == home / "artifacts" / "stage" / KEY
    assert second.manifest == first.manifest
    assert {name: (second.folder / name).read_bytes() for name in FILES} == FILES
    assert [p.name for p in second.folder.parent.iterdir()] == [KEY]
    machine("two")
    assert artifacts.find("stage", KEY) == second


def test_a_second_machine_needs_the_store_once(
    shared: str, machine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts.make("stage", PAYLOAD, write)
    machine("two")
    artifacts.find("stage", KEY)
    break_method(monkeypatch, shared, "cat_file", ConnectionError("no network"))
    assert artifacts.find("stage", KEY)


def test_the_store_is_listed_but_its_manifests_are_not_read(shared: str, machine: Callable[[str], Path]) -> None:
    artifacts.make("stage", PAYLOAD, write)
    machine("two")
    artifacts.make("other", PAYLOAD, write)
    assert artifacts.list_finished() == {("stage", KEY), ("other", KEY)}
    assert {manifest["stage"] for manifest in artifacts.read_manifests()} == {"other"}
    assert artifacts.find("stage", "0" * 16) is None
    assert [p.name for p in (machine("two") / "artifacts").glob("*/*")] == [KEY]


@pytest.mark.parametrize("method", ["pipe_file", "put"])
def test_an_interrupted_push_shows_nothing_and_can_be_repeated(
    shared: str, machine: Callable[[str], Path], caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """It fails before the manifest or before the first file. The artefact is safe here and unknown elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        break_method(patch, shared, method, ConnectionError("no network"))
        artifact = artifacts.make("stage", PAYLOAD, write)
    assert f"stage/{KEY} is not in {shared}: no network" in caplog.text
    assert bool(stored(shared)) == (method == "pipe_file")
    assert artifacts.find("stage", KEY)
    machine("two")
    assert artifacts.list_finished() == set()
    assert artifacts.find("stage", KEY) is None
    machine("one")
    assert remote.push(artifact.folder, "stage", KEY)
    machine("two")
    assert artifacts.make("stage", PAYLOAD, never).manifest == artifact.manifest


@pytest.mark.parametrize("damage", [b"", b'"two"', b'"one" ', None])
def test_a_damaged_file_of_the_store_is_not_used_and_replaced(
    shared: str, machine: Callable[[str], Path], caplog: pytest.LogCaptureFixture, damage: bytes | None
) -> None:
    artifacts.make("stage", PAYLOAD, write)
    (file,) = [path for path in stored(shared) if path.endswith("/out.json")]
    fs, root = fsspec.url_to_fs(shared, use_listings_cache=False)
    fs.rm_file(f"{root}/{file}") if damage is None else fs.pipe_file(f"{root}/{file}", damage)
    home = machine("two")
    assert artifacts.find("stage", KEY) is None
    assert f"stage/{KEY} of {shared} is not used" in caplog.text
    assert list((home / "artifacts" / "stage").iterdir()) == []
    again = artifacts.make("stage", PAYLOAD, write)
    assert not again.reused
    machine("three")
    assert artifacts.make("stage", PAYLOAD, never).manifest == again.manifest


def test_a_damaged_manifest_of_the_store_is_not_used(shared: str, machine: Callable[[str], Path]) -> None:
    artifacts.make("stage", PAYLOAD, write)
    fs, root = fsspec.url_to_fs(shared, use_listings_cache=False)
    manifest = f"{root}/manifests/stage/{KEY}.json"
    fs.pipe_file(manifest, fs.cat_file(manifest)[:-10])
    machine("two")
    assert artifacts.find("stage", KEY) is None
    assert not artifacts.make("stage", PAYLOAD, write).reused


def test_an_artefact_that_breaks_here_is_fetched_again(shared: str, machine: Callable[[str], Path]) -> None:
    artifact = artifacts.make("stage", PAYLOAD, write)
    os.truncate(artifact.folder / "out.json", 1)
    home = machine("one")
    assert artifacts.make("stage", PAYLOAD, never).read("out.json") == "one"
    assert (home / "broken" / f"stage-{KEY}-1").exists()


def test_two_machines_may_push_the_same_artefact_at_once(shared: str, machine: Callable[[str], Path]) -> None:
    """Their files differ, as after an update of a library, and one push begins and ends during the other."""
    folders = {}
    for name in ("one", "two"):
        machine(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BENCH_ARTIFACTS", "")
            folders[name] = artifacts.make("stage", PAYLOAD, partial(write_twice, name)).folder
    driver = remote._open_url(shared)[0]
    real, pushes = driver.pipe_file, []
    with pytest.MonkeyPatch.context() as patch:

        def overtaken(*arguments: Any) -> None:
            patch.undo()
            pushes.append(remote.push(folders["two"], "stage", KEY))
            real(*arguments)

        patch.setattr(driver, "pipe_file", overtaken)
        assert remote.push(folders["one"], "stage", KEY)
    assert pushes == [True]
    machine("three")
    artifact = artifacts.find("stage", KEY)
    assert artifact
    assert {artifact.read("a.json"), artifact.read("b.json")} == {"one"}


def write_twice(text: str, folder: Path) -> None:
    """Write the same text into two files."""
    for name in ("a.json", "b.json"):
        (folder / name).write_text(f'"{text}"')


def test_a_manifest_that_leads_out_of_the_home_is_refused(
    shared: str, machine: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = artifacts.make("stage", PAYLOAD, write)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.store.checksums.file_sizes", lambda folder: {"../../../../caught.txt": 5})
        patch.setattr("bench.store.checksums._digest", lambda folder, name: "0" * 64)
        patch.setattr("bench.store.checksums.parse_manifest", lambda data: {})
        from bench.store import checksums

        checksums.seal(artifact.folder, {"stage": "stage", "payload": PAYLOAD, "cost": {}})
    fs, root = fsspec.url_to_fs(shared)
    fs.pipe_file(f"{root}/manifests/stage/{KEY}.json", (artifact.folder / "manifest.json").read_bytes())
    machine("two")
    assert artifacts.find("stage", KEY) is None
    assert not list(tmp_path.rglob("caught.txt"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("shared", "has no scheme"),
        ("ftpx://host/x", "Protocol not known: ftpx"),
        ("gs://bucket/x", "gcsfs"),
        ("file:///no/such/folder", "there is no folder /no/such/folder"),
    ],
)
def test_an_unusable_url_is_reported_at_once(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch, url: str, reason: str
) -> None:
    monkeypatch.setenv("BENCH_ARTIFACTS", url)
    find, make = partial(artifacts.find, "stage", KEY), partial(artifacts.make, "stage", PAYLOAD, never)
    for call in (artifacts.list_finished, find, make):
        with pytest.raises(UserError) as error:
            call()
        assert str(error.value).startswith(f"BENCH_ARTIFACTS: {url!r}")
        assert reason in str(error.value)
        assert "allowed: a URL such as s3://bucket/folder" in str(error.value)


def test_a_failed_listing_is_reported(shared: str, machine: object, monkeypatch: pytest.MonkeyPatch) -> None:
    break_method(monkeypatch, shared, "find", ConnectionError("no network"))
    with pytest.raises(UserError, match=r"BENCH_ARTIFACTS: '.*': no network"):
        artifacts.list_finished()


def test_without_a_store_nothing_is_shared(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_ARTIFACTS", "")
    artifact = artifacts.make("stage", PAYLOAD, write)
    assert not remote.is_configured()
    assert not remote.push(artifact.folder, "stage", KEY)
    shutil.rmtree(artifact.folder)
    assert artifacts.find("stage", KEY) is None
