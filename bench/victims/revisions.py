"""Compute the revision of a victim, which is part of the name of its results."""

import hashlib
import json
import re
from contextlib import suppress
from functools import cache
from pathlib import Path

from bench.paths import home, write_atomic
from bench.victims.catalog import HUB, split_precision
from bench.victims.contents import list_files
from bench.victims.downloads import find_files
from bench.victims.files import is_embedded


@cache
def revision(name: str) -> str:
    """Return a hash of every file that can change an answer, or the commit of a download whose files are intact.

    A pinned victim that is not on this machine yet has its commit; one without a pin is fetched first or, where that
    is forbidden, has its name.
    """
    base, _ = split_precision(name)
    folder = find_files(base)
    if folder is None:
        return HUB[base].commit if base in HUB else base
    return _hash_files(folder)


def is_pinned(name: str) -> bool:
    """Return True for a download of the catalog that has, file by file, the content of its pinned commit."""
    base, _ = split_precision(name)
    return base in HUB and revision(name) == HUB[base].commit


def _hash_files(folder: Path) -> str:
    """Hash the names and contents of a checkpoint's files.

    Reading a large checkpoint takes a while. So the hash is kept in the home folder, under what the file system says
    of the files: a file that was written again has another time of change or another number, even where its size and
    its modification time are the same.
    """
    files = list_files(folder)
    states = {name: file.stat() for name, file in files.items()}
    stamps = json.dumps(
        [
            [name, str(files[name].resolve()), s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns]
            for name, s in states.items()
        ]
    )
    kept = home() / "revisions" / hashlib.sha256(f"{folder.name}{stamps}".encode()).hexdigest()[:16]
    if not is_embedded(folder):
        with suppress(OSError, ValueError):
            if re.fullmatch("[0-9a-f]{16,40}", text := kept.read_text(encoding="utf-8")):
                return text
    digest = hashlib.sha256()
    for name, file in files.items():
        with file.open("rb") as stream:
            digest.update(name.encode() + hashlib.file_digest(stream, "sha256").digest())
    commit = re.fullmatch("[0-9a-f]{40}", folder.name) and folder.parent.name == "snapshots"
    revision = folder.name if commit and all(map(_is_intact_blob, files.values())) else digest.hexdigest()[:16]
    if not is_embedded(folder):
        with suppress(OSError):
            write_atomic(kept, revision)
    return revision


def _is_intact_blob(file: Path) -> bool:
    """Return True for a file in the hub's cache that has the content its name says: a SHA-256, or Git's SHA-1."""
    blob = file.resolve()
    if blob.parent.name != "blobs":
        return False
    git = len(blob.name) == 40
    digest = hashlib.sha1(b"blob %d\0" % blob.stat().st_size, usedforsecurity=False) if git else hashlib.sha256()
    with blob.open("rb") as stream:
        while part := stream.read(2**20):
            digest.update(part)
    return digest.hexdigest() == blob.name
