"""The folders of artefacts in the suite's home: which there are, how large, when last used; set aside, or removed."""

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
from bench.store.checksums import MANIFEST, Broken, check, sizes

LOG = logging.getLogger(__name__)

STARTED = time.time() - 1
"""When this process began, to the second: file systems round times."""


@dataclass(frozen=True, order=True)
class Shelved:
    """A finished artefact by its name, unread."""

    stage: str
    key: str

    def __str__(self) -> str:
        return f"{self.stage}/{self.key}"

    @property
    def folder(self) -> Path:
        """Where it is."""
        return home() / "artifacts" / self.stage / self.key

    @cached_property
    def size(self) -> int:
        """Bytes on the disk."""
        return size(self.folder)

    @cached_property
    def used(self) -> float:
        """When a process last asked for it, in seconds since 1970: the folder's time."""
        try:
            return self.folder.stat().st_mtime
        except FileNotFoundError:
            return 0

    def check(self) -> dict[str, Any]:
        """Its manifest, after every byte was compared with it. Raises Broken."""
        manifest = check(self.folder)
        if (manifest["stage"], identity(manifest["payload"])) != (self.stage, self.key):
            raise Broken(f"it is {manifest['stage']}/{identity(manifest['payload'])}")
        return manifest

    def touch(self) -> None:
        """It is used now."""
        with suppress(OSError):  # a home that may only be read has no use for the time
            os.utime(self.folder)

    def remove(self) -> int:
        """Remove it, and give how many bytes that freed. Nobody ever sees a part of it; 0 where another was faster."""
        freed, trash = size(self.folder), self.folder.with_name(f".{self.key}.{os.getpid()}")
        try:
            self.folder.rename(trash)
        except FileNotFoundError:
            return 0
        shutil.rmtree(trash)
        return freed


def finished() -> Iterator[Shelved]:
    """Every finished artefact here."""
    return (Shelved(file.parent.parent.name, file.parent.name) for file in inside(MANIFEST))


def folders() -> list[Shelved]:
    """Every folder that is named as a finished artefact, with a manifest or without."""
    return sorted(Shelved(folder.parent.name, folder.name) for folder in inside(""))


def inside(name: str) -> Iterator[Path]:
    """The file or folder of this name in every finished artefact that has one; each folder itself for ""."""
    return (home() / "artifacts").glob(f"*/[!.]*/{name}")


def set_aside(shelved: Shelved, number: int, reason: str) -> bool:
    """Move a broken artefact to `broken/` and warn; False where another process did so before.

    `number` is the inode of the folder that was found to be broken: another may have put a good one in its place.
    """
    broken = home() / "broken"
    try:
        broken.mkdir(exist_ok=True)
        with (broken / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not shelved.folder.exists() or shelved.folder.stat().st_ino != number:
                return False
            names = (broken / f"{shelved.stage}-{shelved.key}-{n}" for n in count(1))
            shelved.folder.rename(place := next(name for name in names if not name.exists()))
    except OSError as error:
        LOG.warning("broken: %s: %s; it cannot be set aside: %s", shelved, reason, error)
        return False
    LOG.warning("broken: %s: %s; set aside as %s", shelved, reason, place)
    return True


def drafts() -> list[Path]:
    """What dead processes began and did not finish; their names end in the process's number."""
    found = (*home().glob("*/.*.*"), *home().glob("artifacts/*/.*.*"))
    return [path for path in found if path.suffix[1:].isdecimal() and not alive(int(path.suffix[1:]))]


def alive(process: int) -> bool:
    """Whether a process of this machine lives."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def size(folder: Path) -> int:
    """Bytes of the files in a folder, or of a file; 0 where there is neither."""
    try:
        return folder.stat().st_size if folder.is_file() else sum(map(abs, sizes(folder).values()))
    except FileNotFoundError:
        return 0
