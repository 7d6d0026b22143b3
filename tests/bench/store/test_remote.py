"""Machines share artefacts through a file system, an object store or any other fsspec URL, and see no half of one."""

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
from bench.store.artifacts import find, finished, make

PAYLOAD = {"input": "abc", "seed": 1}
KEY = identity(PAYLOAD)
FILES = {"out.json": b'"one"', "images/a.png": bytes(range(256)) * 40, "images/é b.png": b"", "deep/er/x.txt": b"x"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An S3 server in this process."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["memory", "file", "s3"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty shared store, of each kind in turn."""
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
    """Goes on as a process of another machine; gives its home."""

    def start(name: str) -> Path:
        monkeypatch.setenv("BENCH_HOME", str(tmp_path / name))
        monkeypatch.setattr(artifacts, "_checked", {})
        return tmp_path / name

    start("one")
    return start


def write(folder: Path) -> None:
    """Leave FILES."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def never(folder: Path) -> None:
    pytest.fail("computed twice")


def stored(url: str) -> list[str]:
    """Paths of every object of the shared store."""
    fs, root = fsspec.url_to_fs(url, use_listings_cache=False)
    return sorted(path[len(root.rstrip("/")) + 1 :] for path in fs.find(root))


def failing(monkeypatch: pytest.MonkeyPatch, url: str, method: str, error: Exception) -> None:
    """A method of the store's driver fails. It is the object's own: asynchronous drivers give each one its methods."""

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(remote._open(url)[0], method, fails)


def test_a_second_machine_gets_everything_and_computes_nothing(shared: str, machine: Callable[[str], Path]) -> None:
    first = make("stage", PAYLOAD, write)
    home = machine("two")
    assert finished() == {("stage", KEY)}
    assert not home.exists()
    second = make("stage", PAYLOAD, never)
    assert second.reused
    assert second.folder == home / "artifacts" / "stage" / KEY
    assert second.manifest == first.manifest
    assert {name: (second.folder / name).read_bytes() for name in FILES} == FILES
    assert [p.name for p in second.folder.parent.iterdir()] == [KEY]
    machine("two")
    assert find("stage", KEY) == second


def test_a_second_machine_needs_the_store_once(
    shared: str, machine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    make("stage", PAYLOAD, write)
    machine("two")
    find("stage", KEY)
    failing(monkeypatch, shared, "cat_file", ConnectionError("no network"))
    assert find("stage", KEY)


def test_the_store_has_what_is_here_and_here_has_not_what_is_there(shared: str, machine: Callable[[str], Path]) -> None:
    make("stage", PAYLOAD, write)
    machine("two")
    make("other", PAYLOAD, write)
    assert finished() == {("stage", KEY), ("other", KEY)}
    assert {(each["stage"]) for each in artifacts.manifests()} == {"other"}
    assert find("stage", "0" * 16) is None
    assert [p.name for p in (machine("two") / "artifacts").glob("*/*")] == [KEY]


@pytest.mark.parametrize("method", ["pipe_file", "put"])
def test_an_interrupted_push_shows_nothing_and_can_be_repeated(
    shared: str, machine: Callable[[str], Path], caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """Killed before the manifest, or before the first file: the artefact is safe at home, and unknown elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        failing(patch, shared, method, ConnectionError("no network"))
        made = make("stage", PAYLOAD, write)
    assert f"stage/{KEY} is not in {shared}: no network" in caplog.text
    assert bool(stored(shared)) == (method == "pipe_file")
    assert find("stage", KEY)
    machine("two")
    assert finished() == set()
    assert find("stage", KEY) is None
    machine("one")
    assert remote.push(made.folder, "stage", KEY)
    machine("two")
    assert make("stage", PAYLOAD, never).manifest == made.manifest


@pytest.mark.parametrize("damage", [b"", b'"two"', b'"one" ', None])
def test_a_damaged_file_of_the_store_is_not_used_and_replaced(
    shared: str, machine: Callable[[str], Path], caplog: pytest.LogCaptureFixture, damage: bytes | None
) -> None:
    make("stage", PAYLOAD, write)
    (file,) = [path for path in stored(shared) if path.endswith("/out.json")]
    fs, root = fsspec.url_to_fs(shared, use_listings_cache=False)
    fs.rm_file(f"{root}/{file}") if damage is None else fs.pipe_file(f"{root}/{file}", damage)
    home = machine("two")
    assert find("stage", KEY) is None
    assert f"stage/{KEY} of {shared} is not used" in caplog.text
    assert list((home / "artifacts" / "stage").iterdir()) == []
    again = make("stage", PAYLOAD, write)
    assert not again.reused
    machine("three")
    assert make("stage", PAYLOAD, never).manifest == again.manifest


def test_a_damaged_manifest_of_the_store_is_not_used(shared: str, machine: Callable[[str], Path]) -> None:
    make("stage", PAYLOAD, write)
    fs, root = fsspec.url_to_fs(shared, use_listings_cache=False)
    manifest = f"{root}/manifests/stage/{KEY}.json"
    fs.pipe_file(manifest, fs.cat_file(manifest)[:-10])
    machine("two")
    assert find("stage", KEY) is None
    assert not make("stage", PAYLOAD, write).reused


def test_what_breaks_here_is_fetched_again(shared: str, machine: Callable[[str], Path]) -> None:
    made = make("stage", PAYLOAD, write)
    os.truncate(made.folder / "out.json", 1)
    home = machine("one")
    assert make("stage", PAYLOAD, never).read("out.json") == "one"
    assert (home / "broken" / f"stage-{KEY}-1").exists()


def test_two_machines_that_push_the_same_do_no_harm(shared: str, machine: Callable[[str], Path]) -> None:
    """Their files are of different bytes, as after another library's update, and they come one between the other."""
    folders = {}
    for name in ("one", "two"):
        machine(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BENCH_ARTIFACTS", "")
            folders[name] = make("stage", PAYLOAD, partial(note, name)).folder
    driver = remote._open(shared)[0]
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
    found = find("stage", KEY)
    assert found
    assert {found.read("a.json"), found.read("b.json")} == {"one"}


def note(text: str, folder: Path) -> None:
    """Two files of the same content."""
    for name in ("a.json", "b.json"):
        (folder / name).write_text(f'"{text}"')


def test_a_manifest_that_leads_out_of_the_home_is_refused(
    shared: str, machine: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make("stage", PAYLOAD, write)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.store.checksums.sizes", lambda folder: {"../../../../caught.txt": 5})
        patch.setattr("bench.store.checksums._digest", lambda folder, name: "0" * 64)
        patch.setattr("bench.store.checksums.parse", lambda data: {})
        from bench.store.checksums import seal

        seal(made.folder, {"stage": "stage", "payload": PAYLOAD, "cost": {}})
    fs, root = fsspec.url_to_fs(shared)
    fs.pipe_file(f"{root}/manifests/stage/{KEY}.json", (made.folder / "manifest.json").read_bytes())
    machine("two")
    assert find("stage", KEY) is None
    assert not list(tmp_path.rglob("caught.txt"))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("shared", "has no scheme"),
        ("ftpx://host/x", "Protocol not known: ftpx"),
        ("gs://bucket/x", "gcsfs"),
        ("file:///no/such/folder", "there is no folder /no/such/folder"),
    ],
)
def test_a_url_of_no_use_is_told_at_once(
    bench_home: Path, monkeypatch: pytest.MonkeyPatch, url: str, told: str
) -> None:
    monkeypatch.setenv("BENCH_ARTIFACTS", url)
    for ask in (finished, lambda: find("stage", KEY), lambda: make("stage", PAYLOAD, never)):
        with pytest.raises(UserError) as error:
            ask()
        assert str(error.value).startswith(f"BENCH_ARTIFACTS: {url!r}")
        assert told in str(error.value)
        assert "allowed: a URL such as s3://bucket/folder" in str(error.value)


def test_a_store_that_cannot_be_listed_is_told(shared: str, machine: object, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, shared, "find", ConnectionError("no network"))
    with pytest.raises(UserError, match=r"BENCH_ARTIFACTS: '.*': no network"):
        finished()


def test_without_a_store_nothing_is_shared(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_ARTIFACTS", "")
    made = make("stage", PAYLOAD, write)
    assert not remote.configured()
    assert not remote.push(made.folder, "stage", KEY)
    shutil.rmtree(made.folder)
    assert find("stage", KEY) is None
