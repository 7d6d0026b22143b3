"""The manifest of a folder: the size and SHA-256 of every file, under a seal that protects the manifest itself."""

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST = "manifest.json"

_SEAL = b',\n "seal": "'


class BrokenFolder(Exception):
    """A folder is not as it was sealed. The message names the first difference."""


def seal(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Write the manifest of a finished folder, and return it with the entry `files`.

    `files` is {relative path: [size in bytes, SHA-256]}. The last line of the file is the SHA-256 of everything before
    it, so that a change of the manifest is found as well.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     size = (Path(name) / "a.txt").write_text("abc")
    ...     seal(Path(name), {"payload": {}}) == check(Path(name))
    True
    """
    files = {name: [size, _digest(folder, name)] for name, size in sorted(file_sizes(folder).items())}
    text = json.dumps({**manifest, "files": files}, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_bytes(add_seal(text[:-2].encode()))
    return parse_manifest((folder / MANIFEST).read_bytes())


def parse_manifest(data: bytes) -> dict[str, Any]:
    """Return the manifest from the bytes of its file. Raises BrokenFolder unless `seal` wrote these bytes."""
    if not is_sealed(data):
        raise BrokenFolder(f"{MANIFEST} is damaged or has no seal")
    try:
        manifest: dict[str, Any] = json.loads(data)
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in manifest["files"].items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenFolder(f"{MANIFEST} is not one of this suite") from error
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise BrokenFolder(f"{name} leaves the folder")
    return manifest


def check(folder: Path) -> dict[str, Any]:
    """Compare every file of a folder with its manifest, and return the manifest. Raises BrokenFolder."""
    try:
        manifest = parse_manifest((folder / MANIFEST).read_bytes())
        sizes, files = file_sizes(folder), manifest["files"]
        if differences := sorted(sizes.keys() ^ {*files, MANIFEST}):
            name = differences[0]
            raise BrokenFolder(f"{name} is not in the manifest" if name in sizes else f"{name} is missing")
        for name, (size, _) in files.items():
            if sizes[name] != size:
                raise BrokenFolder(f"{name} has {sizes[name]} bytes, not {size}")
        for name, (_, digest) in files.items():
            if _digest(folder, name) != digest:
                raise BrokenFolder(f"{name} has changed")
    except OSError as error:
        raise BrokenFolder(f"{Path(error.filename or folder).name}: {error.strerror}") from error
    return manifest


def file_sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of every file by its relative path. A link or a special file has the size -1."""
    sizes: dict[str, int] = {}
    folders, start = [str(folder)], len(str(folder)) + 1
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    is_file = entry.is_file(follow_symlinks=False)
                    sizes[entry.path[start:]] = entry.stat(follow_symlinks=False).st_size if is_file else -1
    return sizes


def add_seal(head: bytes) -> bytes:
    """Return JSON of an object, given without its last line, with a last entry: the SHA-256 of everything before it."""
    return head + _SEAL + hashlib.sha256(head).hexdigest().encode() + b'"\n}'


def is_sealed(data: bytes) -> bool:
    """Return True if `add_seal` wrote these bytes."""
    return add_seal(data.rpartition(_SEAL)[0]) == data


def _digest(folder: Path, name: str) -> str:
    """Return the SHA-256 of a file. `hashlib.file_digest` and `Path` take twice as long on hundreds of small files."""
    digest = hashlib.sha256()
    with open(f"{folder}/{name}", "rb", buffering=0) as file:  # noqa: PTH123
        while chunk := file.read(1 << 18):
            digest.update(chunk)
    return digest.hexdigest()
