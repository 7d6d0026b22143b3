"""The program of the sandbox, and the command that starts a process in bubblewrap.

There is nothing to write to, no network, and nobody beside it.

A process sees Python, the packages and the files that it is given, read-only, and a private folder `/tmp` in memory. It
is in namespaces of its own (users, processes, network, mounts, IPC, host name, control groups) and can make no others.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bench.errors import UserError
from bench.sandbox.limits import Limits

UNSAFE = "BENCH_UNSAFE_NO_SANDBOX"
"""The environment variable that lets foreign code run without a sandbox, with the value 1."""

MISSING = (
    "sandbox: foreign code runs in bubblewrap or a rootless container, and there is no `bwrap` on this machine; "
    "install it (apt install bubblewrap, dnf install bubblewrap), or run with --unsafe-no-sandbox, which marks the rows"
)

SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/etc/ld.so.cache")
"""The system's own files: libraries and programs."""

NOBODY = 65534
"""The user that root becomes before anything foreign starts."""

SHARED_MEMORY = 2**26
"""Bytes of `/dev/shm`."""


class View(NamedTuple):
    """The files that a process sees: `files`, read-only, each at a place; of what is `hidden` in them, nothing."""

    files: tuple[tuple[Path, Path], ...]
    hidden: tuple[Path, ...]


def allows_unsafe() -> bool:
    """Return True if the user lets foreign code run without a sandbox."""
    return os.environ.get(UNSAFE) == "1"


class Program(NamedTuple):
    """The program that keeps foreign code in: bubblewrap, podman or docker, and its path."""

    name: str
    path: str


def name() -> str:
    """Return the program that keeps foreign code in, as a row names it: "none" where the user runs without one."""
    program = find_program()
    return program.name if program else "none"


def find_program() -> Program | None:
    """Return bubblewrap, or else a rootless podman or docker; None where the user runs without a sandbox.

    Raises UserError where there is none. A container that root starts is not rootless.
    """
    if allows_unsafe():
        return None
    if path := shutil.which("bwrap"):
        return Program("bubblewrap", path)
    if os.geteuid() != 0:
        if path := shutil.which("podman"):
            return Program("podman", path)
        if (path := shutil.which("docker")) and _is_rootless(path):
            return Program("docker", path)
    raise UserError(MISSING)


@cache
def _is_rootless(docker: str) -> bool:
    """Return True for a docker whose daemon is the user's own."""
    command = [docker, "info", "--format={{.SecurityOptions}}"]
    return b"rootless" in subprocess.run(command, capture_output=True, check=False).stdout


def build_command(bubblewrap: str, view: View, limits: Limits, environment: dict[str, str]) -> list[str]:
    """Return the beginning of the command line; the program follows it.

    Root first enters a view of the same files, and there becomes nobody: to root, the system sets no limit of
    processes, and only root may look into root's own folders.
    """
    inner = [
        *(bubblewrap, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
        *("--as-pid-1", "--clearenv", *(word for item in environment.items() for word in ("--setenv", *item))),
        *("--proc", "/proc", "--dev", "/dev", "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm"),
        *("--size", str(limits.disk), "--tmpfs", "/tmp"),
        *_bind(view.files),
        *(word for folder in view.hidden for word in ("--size", "4096", "--tmpfs", str(folder))),
        *_bind((file, place) for file, place in view.files if _is_below(place, view.hidden)),
        *(word for folder in (*view.hidden, "/dev", "/") for word in ("--remount-ro", str(folder))),
        *("--chdir", "/tmp", "--"),
    ]
    if os.geteuid() != 0:
        return inner
    sources = [(file, file) for file, _ in view.files]
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
    return [
        *(bubblewrap, "--die-with-parent", "--dev-bind", "/proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
        *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", *_bind(sources), "--", *become, *inner),
    ]


def system_files() -> list[tuple[Path, Path]]:
    """Return the files of the system and of Python with its packages, each at its own place."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    paths = [Path(name) for name in (*SYSTEM, *sorted(prefixes))]
    return [(path, path) for path in paths if path.exists()]


def _bind(files: Iterable[tuple[Path, Path]]) -> list[str]:
    """Return the arguments that show files read-only. The folders above them can be entered by anybody."""
    words: list[str] = []
    for file, place in files:
        for folder in reversed(place.parents[:-1]):
            words += ["--perms", "0755", "--dir", str(folder)]
        words += ["--symlink", str(file.readlink())] if file.is_symlink() else ["--ro-bind", str(file)]
        words.append(str(place))
    return words


def _is_below(place: Path, folders: Sequence[Path]) -> bool:
    return any(place.is_relative_to(folder) for folder in folders)
