"""Content-addressed folders: computed once, complete or absent, whatever kills the process; checked before use."""

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
from bench.spec import identity
from bench.store import checksums, disk, housekeeping, remote, shelf
from bench.store.checksums import MANIFEST, Broken
from bench.store.energy import Meter
from bench.store.shelf import Shelved


@dataclass(frozen=True)
class Artifact:
    """A finished stage. `manifest` holds the payload that names it and what it cost; `reused`: it was there."""

    stage: str
    identity: str
    folder: Path
    manifest: dict[str, Any]
    reused: bool

    @property
    def cost(self) -> dict[str, float]:
        """seconds, peak_mb (of the process), disk_mb, joules of the machine, and what the stage itself reported."""
        return self.manifest["cost"]

    def read(self, name: str) -> Any:
        """A JSON file of the artefact."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def find(stage: str, key: str) -> Artifact | None:
    """The finished artefact of `stage` named `key`, if there is one here or in the shared store.

    Every byte of it is checked, once a process; what is not as it was published is set aside, and counts as absent.
    """
    shelved = Shelved(stage, key)
    return _here(shelved) or _elsewhere(shelved)


def look(stage: str, key: str) -> Artifact | None:
    """The artefact as it lies here, unchecked and untouched: for those who only show it, and mind what is broken."""
    shelved = Shelved(stage, key)
    manifest = _manifest(shelved.folder / MANIFEST)
    return None if manifest is None else Artifact(stage, key, shelved.folder, manifest, reused=True)


def finished() -> set[tuple[str, str]]:
    """(stage, identity) of every finished artefact, here and in the shared store: names alone, nothing is read."""
    return {(shelved.stage, shelved.key) for shelved in shelf.finished()} | remote.finished()


def manifests() -> Iterator[dict[str, Any]]:
    """The manifest of every finished artefact here that can be read."""
    return (manifest for file in shelf.inside(MANIFEST) if (manifest := _manifest(file)) is not None)


def _manifest(file: Path) -> dict[str, Any] | None:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None


def make(stage: str, payload: dict[str, Any], work: Callable[[Path], dict[str, float] | None]) -> Artifact:
    """The artefact that `payload` names; `work` fills a temporary folder if it is not there yet.

    The folder is written beside its final place, fsynced and renamed, so a killed run leaves nothing half-made.
    Raises UserError where the disk is full.
    """
    housekeeping.limit()  # a bad value is told before the work, not after it
    shelved = Shelved(stage, identity(payload))
    if (found := find(stage, shelved.key)) is not None:
        return found
    started, meter = time.monotonic(), Meter()
    with _draft(shelved) as draft:
        extra = work(draft) or {}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        used = shelf.size(draft) / 1e6
        seconds = round(time.monotonic() - started, 3)
        cost = {"seconds": seconds, "peak_mb": round(peak, 1), "disk_mb": round(used, 3), **meter.joules(), **extra}
        manifest = checksums.seal(draft, {"stage": stage, "payload": payload, "cost": cost})
        if (winner := _publish(draft, shelved, manifest)) is not None:
            return winner
    remote.push(shelved.folder, stage, shelved.key)
    return Artifact(stage, shelved.key, shelved.folder, manifest, reused=False)


def share() -> tuple[list[str], list[str]]:
    """Copy what is finished here to the shared store, as far as it is not there: names that were copied, and not.

    Raises UserError where there is no shared store.
    """
    if not remote.configured():
        raise UserError(f"{remote.VARIABLE} is not set; {remote.ALLOWED}")
    there = remote.finished()
    here = [each for each in shelf.finished() if (each.stage, each.key) not in there]
    done = [each for each in here if _here(each) and remote.push(each.folder, each.stage, each.key)]
    return [str(each) for each in done], [str(each) for each in here if each not in done]


_checked: dict[tuple[Path, int], dict[str, Any]] = {}
"""Manifests of the folders that this process found to be whole, by path and inode."""


def _here(shelved: Shelved) -> Artifact | None:
    folder = shelved.folder
    try:
        number = folder.stat().st_ino
    except FileNotFoundError:
        return None
    if (folder, number) not in _checked:
        try:
            _checked[folder, number] = shelved.check()
        except Broken as error:
            shelf.set_aside(shelved, number, str(error))
            return None
    shelved.touch()
    return Artifact(shelved.stage, shelved.key, folder, _checked[folder, number], reused=True)


def _elsewhere(shelved: Shelved) -> Artifact | None:
    if not remote.configured():
        return None
    with _draft(shelved) as draft:
        if not remote.pull(draft, shelved.stage, shelved.key):
            return None
        _publish(draft, shelved, checksums.parse((draft / MANIFEST).read_bytes()))
    return _here(shelved)


@contextmanager
def _draft(shelved: Shelved) -> Iterator[Path]:
    """An empty folder beside the final place; whatever is still there in the end is removed."""
    final = shelved.folder
    draft = final.with_name(f".{shelved.key}.{os.getpid()}")
    for old in final.parent.glob(f".{shelved.key}.*"):
        number = int(old.suffix[1:])
        if number == os.getpid() or not shelf.alive(number):
            shutil.rmtree(old, ignore_errors=True)
    try:
        with disk.told():
            draft.mkdir(parents=True)
            yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _publish(draft: Path, shelved: Shelved, manifest: dict[str, Any]) -> Artifact | None:
    """Give the draft its name; the winner's artefact where another process was faster."""
    _sync(draft)
    while True:
        try:
            draft.rename(shelved.folder)
        except OSError:
            if not shelved.folder.exists():
                raise
            if (winner := _here(shelved)) is not None:
                return winner
            if shelved.folder.exists():
                raise
        else:
            break
    _sync_one(shelved.folder.parent)
    _checked[shelved.folder, shelved.folder.stat().st_ino] = manifest
    return None


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync_one(path)
    _sync_one(folder)


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
