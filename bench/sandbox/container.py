"""The command that starts a process in a rootless container, where there is no bubblewrap: podman, or else docker.

The image is empty: the process sees the same files as in bubblewrap, read-only, and a private folder `/tmp` in memory.
It has no network, no capability and no way to another one, and it is root of nothing: outside it is the user.
"""

import os
import subprocess
from pathlib import Path

from bench.errors import UserError, show
from bench.sandbox.command import SHARED_MEMORY, Program, View
from bench.sandbox.limits import Limits

IMAGE = "mmguard-bench-empty"

EMPTY_TAR = bytes(10240)

PASSED = ("PATH", "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DOCKER_HOST", "DOCKER_CONTEXT")
"""Environment variables by which the program finds its own files. The process inside gets none of them."""

PODMAN = ("--unsetenv-all", "--http-proxy=false", "--pull=never", "--no-hosts")
"""Options that docker does not need or know."""


def client_environment() -> dict[str, str]:
    """Return the environment of the program that starts a container."""
    return {key: value for key, value in os.environ.items() if key in PASSED}


def build_command(
    program: Program, view: View, limits: Limits, environment: dict[str, str], scratch: Path, label: str
) -> list[str]:
    """Return the beginning of the command line; the program inside follows it.

    scratch: a private folder that lasts as long as the process. label: the name of the container, for `end`. Raises
    UserError for a path that the command line cannot name.
    """
    mounts = [*view.files, *_hide(view, scratch)]
    return [
        *(program.path, "run", "--rm", f"--name={label}", "--network=none", "--read-only", "--workdir=/tmp"),
        *("--cap-drop=all", "--security-opt=no-new-privileges", "--security-opt=label=disable", "--ipc=private"),
        *(f"--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777,size={limits.disk}", f"--shm-size={SHARED_MEMORY}"),
        *(f"--memory={limits.memory}", f"--pids-limit={limits.processes}", "--log-driver=none", "--hostname=sandbox"),
        *((*PODMAN, f"--timeout={limits.seconds}") if program.name == "podman" else ()),
        *(f"--env={key}={value}" for key, value in environment.items()),
        *(f"--volume={_join(file, place)}" for file, place in mounts),
        IMAGE,
    ]


def make_image(program: Program) -> None:
    """Make the empty image where it is not there yet. Raises UserError where the program cannot."""
    if _call(program, "image", "inspect", IMAGE).returncode == 0:
        return
    done = _call(program, "import", "-", IMAGE, given=EMPTY_TAR)
    if done.returncode:
        raise UserError(f"sandbox: {program.name}: {show(done.stderr.decode(errors='replace').strip())}")


def find_first(program: Program, label: str) -> int | None:
    """Return the first process of a container, as this machine numbers it; None before it runs."""
    done = _call(program, "inspect", "--format={{.State.Pid}}", label)
    number = done.stdout.decode(errors="replace").strip()
    return int(number) if done.returncode == 0 and number.isdigit() and number != "0" else None


def end(program: Program, label: str) -> None:
    """End every process of a container, and remove it, where it is still there."""
    _call(program, "rm", "--force", label)


def _call(program: Program, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([program.path, *arguments], input=given, capture_output=True, check=False)


def _hide(view: View, scratch: Path) -> list[tuple[Path, Path]]:
    """Return empty folders for what is hidden, with the places of files that are shown below."""
    mounts = []
    for number, folder in enumerate(view.hidden):
        empty = scratch / str(number)
        empty.mkdir()
        for file, place in view.files:
            if place.is_relative_to(folder):
                target = empty / place.relative_to(folder)
                (target if file.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
                if not file.is_dir():
                    target.touch()
        mounts.append((empty, folder))
    return mounts


def _join(file: Path, place: Path) -> str:
    """Return the argument that shows a file read-only. Links are followed."""
    if ":" in f"{file}{place}":
        raise UserError(f"sandbox: {show(file)}; allowed in a container: paths without a colon")
    return f"{file.resolve()}:{place}:ro"
