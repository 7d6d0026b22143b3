"""Content-addressed folders: computed once, complete or absent, whatever kills the process."""

import json
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.paths import home
from bench.spec import identity

MANIFEST = "manifest.json"


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
        """seconds, peak_mb (of the process), disk_mb, and what the stage itself reported."""
        return self.manifest["cost"]

    def read(self, name: str) -> Any:
        """A JSON file of the artefact."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def find(stage: str, key: str) -> Artifact | None:
    """The finished artefact of `stage` named `key`, if there is one."""
    folder = home() / "artifacts" / stage / key
    if not (folder / MANIFEST).exists():
        return None
    return Artifact(stage, key, folder, json.loads((folder / MANIFEST).read_text(encoding="utf-8")), reused=True)


def finished() -> set[tuple[str, str]]:
    """(stage, identity) of every finished artefact."""
    return {(file.parent.parent.name, file.parent.name) for file in _manifests()}


def manifests() -> Iterator[dict[str, Any]]:
    """The manifest of every finished artefact."""
    return (json.loads(file.read_text(encoding="utf-8")) for file in _manifests())


def _manifests() -> Iterator[Path]:
    return (home() / "artifacts").glob(f"*/[!.]*/{MANIFEST}")


def make(stage: str, payload: dict[str, Any], work: Callable[[Path], dict[str, float] | None]) -> Artifact:
    """The artefact that `payload` names; `work` fills a temporary folder if it is not there yet.

    The folder is written beside its final place, fsynced and renamed, so a killed run leaves nothing half-made.
    """
    key = identity(payload)
    if (found := find(stage, key)) is not None:
        return found
    final = home() / "artifacts" / stage / key
    draft = final.with_name(f".{key}.{os.getpid()}")
    _sweep(final.parent, key)
    draft.mkdir(parents=True)
    started = time.monotonic()
    try:
        extra = work(draft) or {}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        disk = sum(file.stat().st_size for file in draft.rglob("*") if file.is_file()) / 1e6
        seconds = round(time.monotonic() - started, 3)
        cost = {"seconds": seconds, "peak_mb": round(peak, 1), "disk_mb": round(disk, 3), **extra}
        manifest = {"stage": stage, "payload": payload, "cost": cost}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
        _sync(draft)
        if not _publish(draft, final) and (winner := find(stage, key)) is not None:
            return winner
        _sync_folder(final.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Artifact(stage, key, final, manifest, reused=False)


def _publish(draft: Path, final: Path) -> bool:
    """Give the draft its name; False where another process was faster."""
    try:
        draft.rename(final)
    except OSError:
        if not (final / MANIFEST).exists():
            raise
        shutil.rmtree(draft)
        return False
    return True


def _sweep(parent: Path, key: str) -> None:
    """Remove drafts of `key` whose process is gone, or had this one's number."""
    for draft in parent.glob(f".{key}.*"):
        number = int(draft.suffix[1:])
        if number == os.getpid() or not Path(f"/proc/{number}").exists():
            shutil.rmtree(draft, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
