"""The work of a job on the disk: what is finished, so that a killed job goes on where it was.

Beside the protected folder DST stands `DST.report`. It has `job.json`, which names the job, a record of each finished
chunk, and the pictures of tables; in the end the report alone is left. A chunk is finished when its record is there,
and all files of its pictures have reached the disk before.
"""

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.paths import write_atomic

MARK = "job.json"


class State:
    """The folders of one job."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.report = target.with_name(f"{target.name}.report")
        self.work = self.report / "work"
        self.pictures = self.work / "pictures"
        """Pictures that are inside a table, as they were."""
        self.protected = self.work / "protected"
        """The same pictures, protected."""
        self.is_new_target = False
        self.handle: int | None = None

    def open(self, command: str) -> bool:
        """Begin a job, or go on with it; return True for a new one. `command`: the identity of all but the data.

        Raises UserError where the folders hold anything but half-done work of this very command.
        """
        mark = self.report / MARK
        if not mark.exists():
            for folder in (self.target, self.report):
                if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                    raise UserError(
                        f"out: {str(folder)!r} is not empty, or is no folder; allowed: a new or empty folder"
                    )
            self.report.mkdir(parents=True, exist_ok=True)
        self._lock()
        if mark.exists():  # another process may have begun meanwhile
            if self._read_mark() != command:
                raise self._foreign("another command, or is finished")
            return False
        self.is_new_target = not self.target.exists()
        self.target.mkdir(exist_ok=True)
        write_atomic(mark, json.dumps({"command": command}))
        return True

    def _lock(self) -> None:
        """Keep other processes out until `close`. Raises UserError where one is at work."""
        self.handle = os.open(self.report, os.O_RDONLY)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"out: another process is at work on {str(self.target)!r}; allowed: one at a time"
            ) from None

    def close(self) -> None:
        """Let other processes in."""
        if self.handle is not None:
            os.close(self.handle)

    def check_data(self, identity: str) -> None:
        """Remember what is protected. Raises UserError where the job was begun on other data."""
        file = self.work / "data"
        if not file.exists():
            write_atomic(file, identity)
        elif file.read_text() != identity:
            raise self._foreign("other data")

    def drop(self) -> None:
        """Remove the folders of a job that could not begin."""
        shutil.rmtree(self.report)
        if self.is_new_target:
            self.target.rmdir()

    def _foreign(self, whose: str) -> UserError:
        return UserError(
            f"out: {str(self.report)!r} belongs to {whose}; allowed: the command that began it, on the same data, or "
            "a name that is not taken"
        )

    def _read_mark(self) -> str | None:
        """Return the command of the half-done job; None where it is finished or no job of this suite."""
        try:
            content = json.loads((self.report / MARK).read_bytes())
        except ValueError:
            return None
        return content.get("command") if isinstance(content, dict) and not content.get("finished") else None

    def read_chunk(self, number: int) -> dict[str, Any]:
        """Return the record of a finished chunk."""
        record: dict[str, Any] = json.loads(self._chunk(number).read_bytes())
        return record

    def has_chunk(self, number: int) -> bool:
        """Tell if a chunk is finished."""
        return self._chunk(number).exists()

    def keep_chunk(self, number: int, record: dict[str, Any]) -> None:
        """Mark a chunk as finished."""
        write_atomic(self._chunk(number), json.dumps(record))

    def finish(self) -> None:
        """Remove everything but the report."""
        write_atomic(self.report / MARK, json.dumps({"finished": True}))
        shutil.rmtree(self.work)

    def _chunk(self, number: int) -> Path:
        return self.work / f"chunk-{number:06d}.json"


def write_flushed(file: Path, data: bytes) -> None:
    """Write a file, and return when it has reached the disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
