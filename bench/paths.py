"""The folder that the suite writes to: `$BENCH_HOME`, or `.bench` in the working directory."""

import json
import os
from contextlib import suppress
from pathlib import Path

from bench.errors import UserError

VARIABLE = "BENCH_HOME"
DEFAULT = ".bench"
ALLOWED = "allowed: a folder that can be written to, or a path where one can be made"

MARK = "home.json"
"""The file that says that a folder is a home of the suite. Nothing is removed in a folder without it.

It is no `CACHEDIR.TAG`: backup programs leave out a folder with that tag, and results are not a cache.
"""


def home() -> Path:
    """Return the folder of artefacts, results and pretraining checkpoints, which need not exist.

    An empty `$BENCH_HOME` means the default, and `~` the folder of the user. Raises UserError where the path, or the
    part of it that exists, is no folder.
    """
    text = os.environ.get(VARIABLE) or DEFAULT
    try:
        path = Path(text).expanduser().absolute()
        nearest = _find_nearest(path)
    except (OSError, RuntimeError) as error:  # a user that does not exist, a working directory that was removed
        raise _home_error(error.strerror if isinstance(error, OSError) else str(error)) from error
    if not nearest.is_dir():
        what = "a link to nothing" if nearest.is_symlink() and not nearest.exists() else "no folder"
        raise _home_error(f"{str(nearest)!r} is {what}")
    return path.resolve()


def make_home() -> Path:
    """Create and mark the home where that is still to be done, and return it. Raises UserError where it cannot be."""
    folder = home()
    if not is_marked(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _replace(folder / MARK, json.dumps({"home of": "mmguard-bench", "version": 1}).encode())
        except OSError as error:
            raise _home_error(error.strerror) from error
    return folder


def is_marked(folder: Path) -> bool:
    """Return True if the suite has marked this folder as a home.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     is_marked(Path(name))
    False
    """
    try:
        mark = json.loads((folder / MARK).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(mark, dict) and mark.get("home of") == "mmguard-bench"


def write_atomic(file: Path, content: str | bytes) -> None:
    """Write a small file atomically: a reader sees the old content or the new, never a part."""
    if file.is_relative_to(home()):
        make_home()
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file, content.encode() if isinstance(content, str) else content)


def keep(file: Path, content: str) -> None:
    """Write a small file that can be made again. Nothing happens in a home that cannot be written to."""
    with suppress(OSError, UserError):
        write_atomic(file, content)


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _find_nearest(path: Path) -> Path:
    """Return the path, or the nearest of its parents that exists; a link to nothing exists. Raises OSError."""
    for folder in (path, *path.parents):
        try:
            folder.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        return folder
    raise FileNotFoundError


def _home_error(reason: str | None) -> UserError:
    return UserError(f"{VARIABLE}: {os.environ.get(VARIABLE, DEFAULT)!r}: {reason}; {ALLOWED}")
