"""Compute the revision of a victim, which is part of the name of its results."""

import hashlib
import json
from functools import cache
from pathlib import Path

from bench.paths import home, write_atomic
from bench.victims.catalog import HUB, split_precision
from bench.victims.files import SUFFIXES, is_embedded, locate


@cache
def revision(name: str) -> str:
    """Return a hash of every file that decides what a checkpoint computes, or the commit of a download.

    A victim that is not on this machine has its pinned commit as its revision or, without one, its name.
    """
    base, _ = split_precision(name)
    folder = locate(base)
    if base in HUB:
        commit = HUB[base].commit
        if commit and (folder is None or folder.name == commit):
            return commit
    if folder is None:
        return base
    return folder.name if folder.parent.name == "snapshots" else _hash_files(folder)


def _hash_files(folder: Path) -> str:
    """Hash the names and contents of a checkpoint's files.

    Reading a large checkpoint takes a while. So the hash is kept in the home folder, under the files' sizes and
    modification times.
    """
    files = [f for f in sorted(folder.iterdir()) if f.suffix in SUFFIXES and f.name != "card.json"]
    stamps = json.dumps([[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files])
    kept = home() / "revisions" / hashlib.sha256(stamps.encode()).hexdigest()[:16]
    if not is_embedded(folder) and kept.exists():
        return kept.read_text(encoding="utf-8")
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    revision = digest.hexdigest()[:16]
    if not is_embedded(folder):
        write_atomic(kept, revision)
    return revision
