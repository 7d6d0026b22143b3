"""What an artefact's folder must hold: every file with its size and SHA-256, in a manifest that seals itself."""

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST = "manifest.json"


class Broken(Exception):
    """An artefact is not what was published; says what is wrong with it."""


def seal(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Write the manifest of a finished folder, with `files`: {relative path: [size in bytes, SHA-256]}, and give it.

    The last line of the file is the SHA-256 of all before it, so that no byte of it can change unseen either.
    """
    files = {name: [size, _digest(folder, name)] for name, size in sorted(sizes(folder).items())}
    text = json.dumps({**manifest, "files": files}, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_bytes(_sealed(text[:-2].encode()))
    return parse((folder / MANIFEST).read_bytes())


def parse(data: bytes) -> dict[str, Any]:
    """The manifest in a file's bytes. Raises Broken where they are not what `seal` wrote."""
    if _sealed(data.rpartition(_SEAL)[0]) != data:
        raise Broken(f"{MANIFEST} is damaged or has no seal")
    manifest: dict[str, Any] = json.loads(data)
    for name in manifest["files"]:
        if (path := PurePosixPath(name)).is_absolute() or ".." in path.parts:
            raise Broken(f"{name} leaves the folder")
    return manifest


def check(folder: Path) -> dict[str, Any]:
    """The manifest of a folder whose every file is as it was published. Raises Broken."""
    try:
        manifest = parse((folder / MANIFEST).read_bytes())
        found, files = sizes(folder), manifest["files"]
        if odd := sorted(found.keys() ^ {*files, MANIFEST}):
            raise Broken(f"{odd[0]} is {'not in the manifest' if odd[0] in found else 'missing'}")
        for name, (size, _) in files.items():
            if found[name] != size:
                raise Broken(f"{name} has {found[name]} bytes, not {size}")
        for name, (_, digest) in files.items():
            if _digest(folder, name) != digest:
                raise Broken(f"{name} has changed")
    except OSError as error:
        raise Broken(f"{Path(error.filename or folder).name}: {error.strerror}") from error
    return manifest


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file by its relative path; a link, or whatever else is no file, has -1."""
    found: dict[str, int] = {}
    folders, start = [str(folder)], len(str(folder)) + 1
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    plain = entry.is_file(follow_symlinks=False)
                    found[entry.path[start:]] = entry.stat(follow_symlinks=False).st_size if plain else -1
    return found


_SEAL = b',\n "seal": "'


def _sealed(head: bytes) -> bytes:
    return head + _SEAL + hashlib.sha256(head).hexdigest().encode() + b'"\n}'


def _digest(folder: Path, name: str) -> str:
    """Of hundreds of small files in milliseconds: `hashlib.file_digest` and joining `Path`s take twice as long."""
    digest = hashlib.sha256()
    with open(f"{folder}/{name}", "rb", buffering=0) as file:  # noqa: PTH123
        while chunk := file.read(1 << 18):
            digest.update(chunk)
    return digest.hexdigest()
