"""Artefacts: folders named by the hash of what determines them.

An artefact is computed once. It is complete or absent even if the process is killed at any moment, and every byte of it
is checked before it is used.
"""

import json
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.paths import make_home
from bench.spec import identity
from bench.store import checksums, disk, folders, housekeeping, remote
from bench.store.checksums import MANIFEST, BrokenFolder
from bench.store.energy import Meter
from bench.store.folders import StoredArtifact


@dataclass(frozen=True)
class Artifact:
    """The result of a finished stage.

    `manifest` holds the payload that names the artefact, and its cost. `reused` is False only where this call of `make`
    has computed it.
    """

    kind: str
    identity: str
    folder: Path
    manifest: dict[str, Any]
    reused: bool

    @property
    def cost(self) -> dict[str, float | None]:
        """seconds, peak_mb (of the process), disk_mb, joules of the machine, and costs that the stage reported."""
        cost: dict[str, float | None] = self.manifest["cost"]
        return cost

    def read(self, name: str) -> Any:
        """Return the content of a JSON file of the artefact."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def find(kind: str, identity: str) -> Artifact | None:
    """Return the finished artefact of this kind of stage, from this home or the shared store; None if there is none.

    Every byte is checked the first time a process uses an artefact. A broken one is set aside and counts as absent.
    """
    stored = StoredArtifact(kind, identity)
    return _find_here(stored) or _fetch(stored)


def peek(kind: str, identity: str) -> Artifact | None:
    """Return an artefact of this home without checking it or marking it as used. Its files may be broken."""
    stored = StoredArtifact(kind, identity)
    manifest = _read_manifest(stored.folder / MANIFEST)
    return None if manifest is None else Artifact(kind, identity, stored.folder, manifest, reused=True)


def list_finished() -> set[tuple[str, str]]:
    """Return (kind, identity) of every finished artefact in this home and in the shared store. No file is read."""
    return {(stored.kind, stored.identity) for stored in folders.list_finished()} | remote.list_finished()


def read_manifests() -> list[dict[str, Any]]:
    """Return the manifests of the finished artefacts of this home, without those that the suite did not write."""
    manifests = (_read_sealed(file) for file in folders.glob_artifacts(MANIFEST))
    return [manifest for manifest in manifests if manifest is not None]


def _read_sealed(file: Path) -> dict[str, Any] | None:
    try:
        manifest = checksums.parse_manifest(file.read_bytes())
    except (OSError, BrokenFolder):
        return None
    return manifest if folders.is_manifest(manifest) else None


def _read_manifest(file: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return manifest if folders.is_manifest(manifest) else None


def make(kind: str, payload: dict[str, Any], work: Callable[[Path], dict[str, float] | None]) -> Artifact:
    """Return the artefact that `payload` names. It is computed only if `find` does not find it.

    `work` fills an empty folder and may return costs of its own. The folder is flushed to the disk and then renamed to
    its final name, so a killed process leaves no half-made artefact. Raises UserError where the disk is full.
    """
    housekeeping.read_limit()  # a bad value must be reported before the work, not after it
    stored = StoredArtifact(kind, identity(payload))
    if (finished := find(kind, stored.identity)) is not None:
        return finished
    start, meter = time.monotonic(), Meter()
    with _open_draft(stored) as draft:
        extra = work(draft) or {}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        megabytes = folders.disk_size(draft) / 1e6
        seconds = round(time.monotonic() - start, 3)
        measured = {"seconds": seconds, "peak_mb": round(peak, 1), "disk_mb": round(megabytes, 3)}
        cost = {**measured, **meter.read_joules(), **extra}
        manifest = checksums.seal(draft, {"stage": kind, "payload": payload, "cost": cost})
        if (winner := _install(draft, stored, manifest)) is not None:
            return winner
    remote.push(stored.folder, kind, stored.identity)
    return Artifact(kind, stored.identity, stored.folder, manifest, reused=False)


def share() -> tuple[list[str], list[str]]:
    """Copy the finished artefacts that the shared store lacks into it.

    Return the names of those that were copied, and of those that were not. Raises UserError without a shared store.
    """
    if not remote.is_configured():
        raise UserError(f"{remote.VARIABLE} is not set; {remote.ALLOWED}")
    shared = remote.list_finished()
    copied: list[str] = []
    failed: list[str] = []
    for stored in folders.list_finished():
        if (stored.kind, stored.identity) not in shared:
            is_copied = _find_here(stored) and remote.push(stored.folder, stored.kind, stored.identity)
            (copied if is_copied else failed).append(str(stored))
    return copied, failed


_verified_manifests: dict[tuple[Path, int], dict[str, Any]] = {}
"""Manifests of the folders that this process has checked and found whole, by path and inode."""


def _find_here(stored: StoredArtifact) -> Artifact | None:
    """Return an artefact of this home after checking it; set it aside and return None where it is broken."""
    folder = stored.folder
    try:
        inode = folder.stat().st_ino
    except FileNotFoundError:
        return None
    if (folder, inode) not in _verified_manifests:
        try:
            _verified_manifests[folder, inode] = stored.check()
        except BrokenFolder as error:
            folders.set_aside(stored, inode, str(error))
            return None
    stored.mark_used()
    return Artifact(stored.kind, stored.identity, folder, _verified_manifests[folder, inode], reused=True)


def _fetch(stored: StoredArtifact) -> Artifact | None:
    """Copy an artefact from the shared store to this home and return it; None where the store does not have it."""
    if not remote.is_configured():
        return None
    with _open_draft(stored) as draft:
        if not remote.pull(draft, stored.kind, stored.identity):
            return None
        _install(draft, stored, checksums.parse_manifest((draft / MANIFEST).read_bytes()))
    return _find_here(stored)


@contextmanager
def _open_draft(stored: StoredArtifact) -> Iterator[Path]:
    """Create an empty folder beside the final one, and remove it at the end unless it was renamed."""
    final = stored.folder
    draft = final.with_name(f".{stored.identity}.{os.getpid()}")
    for old in final.parent.glob(f".{stored.identity}.*"):
        process = folders.read_process(old)
        if process is not None and (process == os.getpid() or not folders.is_running(process)):
            shutil.rmtree(old, ignore_errors=True)
    try:
        with disk.full_disk_as_error():
            make_home()
            draft.mkdir(parents=True)
            yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _install(draft: Path, stored: StoredArtifact, manifest: dict[str, Any]) -> Artifact | None:
    """Rename the draft to its final name. Where another process was faster, return its artefact instead."""
    _flush_folder(draft)
    while True:
        try:
            draft.rename(stored.folder)
        except OSError:
            if not stored.folder.exists():
                raise
            if (winner := _find_here(stored)) is not None:
                return winner
            if stored.folder.exists():
                raise
        else:
            break
    _flush(stored.folder.parent)
    _verified_manifests[stored.folder, stored.folder.stat().st_ino] = manifest
    return None


def _flush_folder(folder: Path) -> None:
    for path in folder.rglob("*"):
        _flush(path)
    _flush(folder)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
