"""The folders of artefacts in the suite's home: list them, measure them, check them, set them aside, remove them."""

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from bench.paths import home
from bench.spec import identity
from bench.store import checksums
from bench.store.checksums import MANIFEST, BrokenFolder

LOG = logging.getLogger(__name__)

PROCESS_START = time.time() - 1
"""Start of this process in seconds since 1970. One second earlier, because some file systems round times down."""


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
        """Time of the last use, in seconds since 1970: the modification time of the folder. 0 where it is gone."""
        try:
            return self.folder.stat().st_mtime
        except FileNotFoundError:
            return 0

    def check(self) -> dict[str, Any]:
        """Compare every byte with the manifest, and return the manifest.

        Raises BrokenFolder where a file differs, or where the manifest belongs to another artefact.
        """
        manifest = checksums.check(self.folder)
        actual = StoredArtifact(manifest["stage"], identity(manifest["payload"]))
        if actual != self:
            raise BrokenFolder(f"it is {actual}")
        return manifest

    def mark_used(self) -> None:
        """Set the time of the last use to now."""
        with suppress(OSError):  # a read-only home cannot record it
            os.utime(self.folder)

    def remove(self) -> int:
        """Remove the artefact and return the bytes freed: 0 where another process removed it first.

        The folder is renamed before its files are deleted, so no process ever sees a part of it.
        """
        freed, trash = disk_size(self.folder), self.folder.with_name(f".{self.identity}.{os.getpid()}")
        try:
            self.folder.rename(trash)
        except FileNotFoundError:
            return 0
        shutil.rmtree(trash)
        return freed


def list_finished() -> list[StoredArtifact]:
    """Return every artefact in the home that has a manifest."""
    return [StoredArtifact(file.parent.parent.name, file.parent.name) for file in glob_artifacts(MANIFEST)]


def list_all() -> list[StoredArtifact]:
    """Return every artefact in the home in the order of its name, even where its manifest is missing."""
    return sorted(StoredArtifact(folder.parent.name, folder.name) for folder in glob_artifacts(""))


def glob_artifacts(name: str) -> Iterator[Path]:
    """Yield the path of the file `name` in every artefact that has it; for "" the folder of every artefact."""
    return (home() / "artifacts").glob(f"*/[!.]*/{name}")


def list_drafts() -> list[Path]:
    """Return the unfinished files and folders of processes that have ended. Their names end in a process number."""
    drafts = (*home().glob("*/.*.*"), *home().glob("artifacts/*/.*.*"))
    return [path for path in drafts if path.suffix[1:].isdecimal() and not is_running(int(path.suffix[1:]))]


def set_aside(artifact: StoredArtifact, inode: int, reason: str) -> bool:
    """Move a broken artefact to the folder `broken` of the home and log a warning. Return False where it stays.

    `inode` is that of the folder that was found broken. Where the folder has another inode by now, another process has
    already replaced it with a good one.
    """
    broken = home() / "broken"
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
