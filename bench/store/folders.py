"""The folders of artefacts in the suite's home: list them, measure them, check them, set them aside, remove them."""

import fcntl
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.paths import MARK, home, is_marked, make_home
from bench.spec import identity
from bench.store import checksums
from bench.store.checksums import MANIFEST, BrokenFolder

LOG = logging.getLogger(__name__)

PROCESS_START = time.time() - 1
"""Start of this process in seconds since 1970. One second earlier, because some file systems round times down."""

SKEW = 60
"""Seconds that the clock of a file server may be ahead of this machine's."""

KIND = re.compile(r"[a-z][a-z0-9_-]{0,40}")
IDENTITY = re.compile("[0-9a-f]{16}")
DRAFT = re.compile(r"\.[0-9a-f]{16}[\w.@+-]{0,200}\.([0-9]{1,10})", re.ASCII)
"""An unfinished file or folder: the name that it would have, which begins with an identity, and a process number."""

SET_ASIDE = re.compile(r"([a-z][a-z0-9_-]{0,40})-([0-9a-f]{16})-[0-9]{1,9}")
SMALL_FILES = ("methods", "own", "failures", "revisions")
"""Folders of small files that are named by an identity."""

PARTS = "unfinished"
"""Folder of the finished parts of work that was not finished: see `bench.store.unfinished`."""

MAX_PROCESS = 2**22
"""The largest process number of Linux."""


@dataclass(frozen=True, order=True)
class StoredArtifact:
    """An artefact in the home, by its name alone: its files have not been read.

    >>> StoredArtifact("protect", "0123456789abcdef").folder.relative_to(home()).as_posix()
    'artifacts/protect/0123456789abcdef'
    """

    kind: str
    identity: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.identity}"

    @property
    def folder(self) -> Path:
        """The folder of the artefact, which need not exist."""
        return home() / "artifacts" / self.kind / self.identity

    @cached_property
    def size(self) -> int:
        """Bytes of its files."""
        return disk_size(self.folder)

    @cached_property
    def last_use(self) -> float:
        """Time of the last use, in seconds since 1970: the modification time of the folder. 0 where it is gone.

        A time in the future comes from a wrong clock. It counts as just before this process began, so that the artefact
        is neither kept for ever nor the first to go.
        """
        try:
            time_used = self.folder.stat().st_mtime
        except FileNotFoundError:
            return 0
        return time_used if time_used <= time.time() + SKEW else PROCESS_START - 1

    def check(self) -> dict[str, Any]:
        """Compare every byte with the manifest, and return the manifest.

        Raises BrokenFolder where a file differs, or where the manifest belongs to another artefact.
        """
        manifest = checksums.check(self.folder)
        self._compare(manifest)
        return manifest

    def _compare(self, manifest: dict[str, Any]) -> None:
        """Raise BrokenFolder where a manifest belongs to another artefact."""
        if not is_manifest(manifest):
            raise BrokenFolder("it is no artefact")
        actual = StoredArtifact(manifest["stage"], identity(manifest["payload"]))
        if actual != self:
            raise BrokenFolder(f"it is {actual}")

    def mark_used(self) -> None:
        """Set the time of the last use to now."""
        with suppress(OSError):  # a read-only home cannot record it
            os.utime(self.folder)

    def is_own(self) -> bool:
        """Return True if the suite wrote it: it lies in the home itself, and its sealed manifest says its name."""
        if self.folder.parent.resolve() != self.folder.parent or self.folder.is_symlink():
            return False
        try:
            self._compare(checksums.parse_manifest((self.folder / MANIFEST).read_bytes()))
        except (OSError, BrokenFolder):
            return False
        return True

    def remove(self) -> int:
        """Remove the artefact and return the bytes freed: 0 where another process removed it first.

        The folder is renamed before its files are deleted, so no process ever sees a part of it. A folder that is not
        the suite's own stays.
        """
        if not self.is_own():
            return 0
        freed, trash = disk_size(self.folder), self.folder.with_name(f".{self.identity}.{os.getpid()}")
        try:
            self.folder.rename(trash)
        except FileNotFoundError:
            return 0
        shutil.rmtree(trash)
        return freed


def is_manifest(content: object) -> bool:
    """Return True for a manifest as `bench.store.artifacts.make` writes it, and not one of another program."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("stage"), str)
        and isinstance(content.get("payload"), dict)
        and isinstance(content.get("cost"), dict)
        and all(value is None or isinstance(value, int | float) for value in content["cost"].values())
    )


def list_finished() -> list[StoredArtifact]:
    """Return every artefact in the home that has a manifest."""
    return [StoredArtifact(file.parent.parent.name, file.parent.name) for file in glob_artifacts(MANIFEST)]


def list_all() -> list[StoredArtifact]:
    """Return every artefact in the home in the order of its name, even where its manifest is missing."""
    return sorted(StoredArtifact(path.parent.name, path.name) for path in glob_artifacts("") if path.is_dir())


def glob_artifacts(name: str) -> Iterator[Path]:
    """Yield the path of the file `name` in every artefact that has it; for "" the folder of every artefact.

    Folders whose names are not those of artefacts belong to somebody else.
    """
    for path in (home() / "artifacts").glob(f"*/{'[0-9a-f]' * 16}/{name}"):
        folder = path.parent if name else path
        if KIND.fullmatch(folder.parent.name):
            yield path


def list_drafts() -> list[Path]:
    """Return the unfinished files and folders of processes that have ended. No link is followed."""
    folders = [home() / "artifacts" / path.name for path in _list_folder(home() / "artifacts") if is_plain(path)]
    folders = [folder for folder in folders if KIND.fullmatch(folder.name)]
    folders += [home() / name for name in (*SMALL_FILES, PARTS)]
    paths = [path for folder in folders for path in _list_folder(folder) if not path.is_symlink()]
    processes = {path: read_process(path) for path in paths}
    return [path for path, process in processes.items() if process is not None and not is_running(process)]


def list_set_aside() -> list[Path]:
    """Return the folders that `set_aside` moved, without those that the suite did not write. No link is followed."""
    return sorted(path for path in _list_folder(home() / "broken") if is_plain(path) and _is_remnant(path))


def _is_remnant(folder: Path) -> bool:
    """Return True for a broken artefact: its manifest begins as the suite begins it, or there is no file at all."""
    name = SET_ASIDE.fullmatch(folder.name)
    if name is None:
        return False
    try:
        manifest = (folder / MANIFEST).read_bytes()
    except OSError:
        return not checksums.file_sizes(folder)
    return manifest.startswith(f'{{\n "stage": "{name[1]}",\n "payload": '.encode())


def read_process(path: Path) -> int | None:
    """Return the number of the process that writes a draft; None for any other name.

    >>> read_process(Path(".0123456789abcdef.json.42")), read_process(Path(".x.99999999999999999999"))
    (42, None)
    """
    match = DRAFT.fullmatch(path.name)
    return int(match[1]) if match and int(match[1]) <= MAX_PROCESS else None


def is_plain(path: Path) -> bool:
    """Return True for a folder that is no link."""
    return path.is_dir() and not path.is_symlink()


def _list_folder(folder: Path) -> list[Path]:
    """Return what is in a folder of the home; nothing where it is missing, or a link to elsewhere."""
    return sorted(folder.iterdir()) if is_plain(folder) else []


def require_mark() -> None:
    """Raise UserError unless the home is marked as one. A home of earlier versions is recognised, and marked."""
    folder = home()
    if is_marked(folder) or not folder.is_dir() or not any(folder.iterdir()):
        return
    if not any(artifact.is_own() for artifact in list_finished()):
        raise UserError(
            f"BENCH_HOME: {str(folder)!r} has other content and no {MARK} of the suite, so nothing in it is removed;"
            " allowed: a folder that the suite has made or played in"
        )
    make_home()


def set_aside(artifact: StoredArtifact, inode: int, reason: str) -> bool:
    """Move a broken artefact to the folder `broken` of the home and log a warning. Return False where it stays.

    `inode` is that of the folder that was found broken. Where the folder has another inode by now, another process has
    already replaced it with a good one.
    """
    broken = make_home() / "broken"
    try:
        broken.mkdir(exist_ok=True)
        with (broken / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not artifact.folder.exists() or artifact.folder.stat().st_ino != inode:
                return False
            candidates = (broken / f"{artifact.kind}-{artifact.identity}-{number}" for number in count(1))
            destination = next(path for path in candidates if not path.exists())
            artifact.folder.rename(destination)
    except OSError as error:
        LOG.warning("broken: %s: %s; it cannot be set aside: %s", artifact, reason, error)
        return False
    LOG.warning("broken: %s: %s; set aside as %s", artifact, reason, destination)
    return True


def is_running(process: int) -> bool:
    """Return True if a process of this machine has this number.

    >>> is_running(os.getpid())
    True
    """
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def disk_size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 where there is neither."""
    try:
        return path.stat().st_size if path.is_file() else sum(map(abs, checksums.file_sizes(path).values()))
    except FileNotFoundError:
        return 0
