"""List the files of a checkpoint folder that can change an answer. Reads no file but JSON, and opens no device."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.victims.wholeness import SUFFIXES

MOST_ENTRIES = 10_000
"""Files and folders beyond which a folder is no checkpoint."""

LARGEST_JSON = 256 * 2**20
"""Bytes beyond which a JSON file is not read; the largest published tokenizers have about 35 MB."""


def list_files(folder: Path) -> dict[str, Path]:
    """Return every file that can change an answer, by its path in the folder and in a fixed order; subfolders too.

    Raises UserError for what is no ordinary file (a device, a socket, a pipe), and for a link that leads out of the
    folder. The one exception is the hub's cache, whose snapshots link to the blobs beside them.
    """
    root = folder.resolve()
    files = []
    entries = 0
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        entries += len(folders) + len(names)
        if entries > MOST_ENTRIES:
            raise UserError(f"victim: {str(folder)!r} holds over {MOST_ENTRIES} files; allowed: a checkpoint alone")
        for linked in (Path(place, name) for name in folders if Path(place, name).is_symlink()):
            raise _refuse(folder, linked.relative_to(root), "a link to another folder", "files, or copies of them")
        files += [Path(place, name).relative_to(root) for name in names if Path(name).suffix in SUFFIXES]
    for file in files:
        _check_file(folder, root, file)
    return {file.as_posix(): root / file for file in sorted(files) if file.as_posix() != "card.json"}


def _check_file(folder: Path, root: Path, file: Path) -> None:
    """Raise UserError unless a file is an ordinary one inside the folder, or a blob of the same download."""
    allowed = [root, root.parent.parent / "blobs"] if root.parent.name == "snapshots" else [root]
    try:
        target = (root / file).resolve(strict=True)
        mode = target.stat().st_mode
    except (OSError, RuntimeError):
        raise _refuse(folder, file, "a link to nothing", "a file") from None
    if not any(target.is_relative_to(place) for place in allowed):
        raise _refuse(folder, file, f"a link to {str(target)!r}", "files inside the folder")
    if not stat.S_ISREG(mode):
        raise _refuse(folder, file, "no ordinary file", "a file")


def _refuse(folder: Path, file: Path, what: str, allowed: str) -> UserError:
    return UserError(f"victim: {file.as_posix()!r} of {str(folder)!r} is {what}; allowed: {allowed}")


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Return a JSON object from a checkpoint's folder; raises UserError for anything else, without reading a device."""
    file = folder / name
    _check_file(folder, folder.resolve(), Path(name))
    if file.stat().st_size > LARGEST_JSON:
        raise _refuse(folder, Path(name), f"{file.stat().st_size} bytes long", f"up to {LARGEST_JSON}")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        raise _refuse(folder, Path(name), f"no JSON ({reason})", "a JSON object") from error
    if not isinstance(content, dict):
        raise _refuse(folder, Path(name), f"a JSON {type(content).__name__}", "a JSON object")
    return content


def read_architecture(folder: Path) -> str:
    """Return the `model_type` of a checkpoint's config."""
    architecture = read_json(folder, "config.json").get("model_type")
    if not isinstance(architecture, str):
        raise UserError(f"victim: model_type {architecture!r} in 'config.json' of {str(folder)!r}; allowed: a name")
    return architecture
