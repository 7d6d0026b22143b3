"""Where there is no bubblewrap, a rootless container keeps foreign code in: podman, or else docker."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.sandbox import Limits, container
from bench.sandbox.command import Program, View, find_program

Install = Callable[..., Program]
pytestmark = pytest.mark.without_sandbox


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put programs on an otherwise empty PATH. Each notes its arguments and input, and answers what it is given."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    def installed(name: str, answer: str = "", code: int = 0) -> Program:
        file = tmp_path / name
        file.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\necho "{answer}"\nexit {code}\n')
        file.chmod(0o755)
        return Program({"bwrap": "bubblewrap"}.get(name, name), str(file))

    return installed


def test_bubblewrap_comes_first_and_docker_last(install: Install) -> None:
    docker = install("docker", "[name=seccomp name=rootless]")
    assert find_program() == docker
    podman = install("podman")
    assert find_program() == podman
    assert find_program() != install("bwrap") == find_program()


def test_a_docker_of_root_is_no_sandbox(install: Install) -> None:
    install("docker", "[name=seccomp,profile=default]")
    with pytest.raises(UserError, match="rootless container, and there is no `bwrap`"):
        find_program()


def test_a_container_that_root_starts_is_not_rootless(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("podman")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UserError, match="no `bwrap` on this machine"):
        find_program()


@pytest.fixture
def view(tmp_path: Path) -> View:
    """A package with a hidden folder, in which one checkpoint and one file are shown."""
    for place in ("suite/code", "suite/hidden/shown", "suite/hidden/secret"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "suite/hidden/file").touch()
    suite = tmp_path / "suite"
    files = [(suite, suite), *((suite / "hidden" / name, suite / "hidden" / name) for name in ("shown", "file"))]
    return View(tuple(files), (suite / "hidden",))


LIMITS = Limits(seconds=7, memory=2**30, disk=2**20, processes=9)


@pytest.mark.parametrize("name", ["podman", "docker"])
def test_the_command_has_every_wall(install: Install, view: View, tmp_path: Path, name: str) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = container.build_command(install(name), view, LIMITS, {"HOME": "/tmp"}, scratch, "label")
    assert words[1:4] == ["run", "--rm", "--name=label"] and words[-1] == container.IMAGE
    walls = {"--network=none", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--ipc=private"}
    assert walls | {f"--memory={2**30}", "--pids-limit=9"} <= set(words)
    assert [word for word in words if word.startswith("--tmpfs=")] == [
        f"--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777,size={2**20}"
    ]
    assert [word for word in words if word.startswith("--env")] == ["--env=HOME=/tmp"]
    assert ("--timeout=7" in words and "--unsetenv-all" in words) == (name == "podman")
    volumes = [word.removeprefix("--volume=").split(":") for word in words if word.startswith("--volume=")]
    assert all(mode == "ro" for _, _, mode in volumes)
    (empty,) = [Path(file) for file, place, _ in volumes if place == str(view.hidden[0])]
    assert sorted(path.name for path in empty.iterdir()) == ["file", "shown"]
    assert (empty / "shown").is_dir() and not any((empty / "shown").iterdir())


def test_a_path_that_the_command_cannot_name_is_refused(install: Install, tmp_path: Path) -> None:
    strange = Path("/a:b")
    with pytest.raises(UserError, match="'/a:b'; allowed in a container: paths without a colon"):
        container.build_command(install("podman"), View(((strange, strange),), ()), LIMITS, {}, tmp_path, "label")


def test_the_program_that_starts_it_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "sesame")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    given = container.client_environment()
    assert given["XDG_RUNTIME_DIR"] == "/run/user/1" and "sesame" not in given.values()


def test_the_image_is_made_once_and_a_container_is_ended_by_its_name(install: Install, tmp_path: Path) -> None:
    podman = install("podman", "4321")
    container.make_image(podman)
    assert container.find_first(podman, "label") == 4321
    container.end(podman, "label")
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"image inspect {container.IMAGE}",
        "inspect --format={{.State.Pid}} label",
        "rm --force label",
    ]


def test_an_image_that_cannot_be_made_is_one_line(install: Install) -> None:
    with pytest.raises(UserError, match="sandbox: podman: "):
        container.make_image(install("podman", code=1))


def test_before_it_runs_there_is_no_first_process(install: Install) -> None:
    assert container.find_first(install("podman", "0"), "label") is None
    assert container.find_first(install("podman", "4321", code=1), "label") is None
