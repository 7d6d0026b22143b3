"""A store of artefacts that several machines share: any fsspec URL in `$BENCH_ARTIFACTS`.

`manifests/<stage>/<key>.json` are the finished artefacts; `files/<stage>/<key>/<hash of the manifest>/` holds the files
of each. Files go before their manifest, and no two manifests share files: a push that was interrupted or overtaken
shows nothing half-done.
"""

import hashlib
import logging
import os
import socket
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError
from bench.store import checksums, disk
from bench.store.checksums import MANIFEST

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

VARIABLE = "BENCH_ARTIFACTS"
ALLOWED = "allowed: a URL such as s3://bucket/folder or file:///mnt/share"
LOG = logging.getLogger(__name__)


def configured() -> bool:
    """Whether there is a shared store. Raises UserError where its URL is of no use."""
    return _store() is not None


def push(folder: Path, stage: str, key: str) -> bool:
    """Copy a finished artefact to the shared store; False where there is none, or, with a warning, if it failed."""
    if (store := _store()) is None:
        return False
    try:
        _push(*store, folder, stage, key)
    except Exception as error:  # every driver has errors of its own, and the artefact is safe at home
        LOG.warning("%s/%s is not in %s: %s; `bench cache push` tries again", stage, key, os.environ[VARIABLE], error)
        return False
    return True


def pull(folder: Path, stage: str, key: str) -> bool:
    """Copy an artefact of the shared store into an empty folder; False where there is none, or a broken one."""
    if (store := _store()) is None:
        return False
    try:
        return _pull(*store, folder, stage, key)
    except Exception as error:
        if disk.is_full(error):
            raise
        LOG.warning("%s/%s of %s is not used: %s", stage, key, os.environ[VARIABLE], error)
        return False


def finished() -> set[tuple[str, str]]:
    """(stage, identity) of every artefact of the shared store, by one listing. Raises UserError where that fails."""
    if (store := _store()) is None:
        return set()
    try:
        paths = [path.split("/") for path in store[0].find(f"{store[1]}/manifests") if path.endswith(".json")]
    except Exception as error:
        raise _unusable(os.environ[VARIABLE], error) from error
    return {(path[-2], path[-1].removesuffix(".json")) for path in paths}


def _push(fs: "AbstractFileSystem", root: str, folder: Path, stage: str, key: str) -> None:
    manifest, final = (folder / MANIFEST).read_bytes(), _place(root, stage, key)
    names, files = checksums.parse(manifest)["files"], _files(root, stage, key, manifest)
    fs.put([str(folder / name) for name in names], [f"{files}/{name}" for name in names])
    draft = f"{final}.{socket.gethostname()}.{os.getpid()}"
    fs.pipe_file(draft, manifest)
    fs.mv(draft, final)


def _pull(fs: "AbstractFileSystem", root: str, folder: Path, stage: str, key: str) -> bool:
    try:
        manifest = fs.cat_file(_place(root, stage, key))
    except FileNotFoundError:
        return False
    names = checksums.parse(manifest)["files"]
    for parent in {(folder / name).parent for name in names}:
        parent.mkdir(parents=True, exist_ok=True)
    files = _files(root, stage, key, manifest)
    fs.get([f"{files}/{name}" for name in names], [str(folder / name) for name in names])
    (folder / MANIFEST).write_bytes(manifest)
    checksums.check(folder)
    return True


def _place(root: str, stage: str, key: str) -> str:
    return f"{root}/manifests/{stage}/{key}.json"


def _files(root: str, stage: str, key: str, manifest: bytes) -> str:
    return f"{root}/files/{stage}/{key}/{hashlib.sha256(manifest).hexdigest()[:16]}"


def _store() -> tuple["AbstractFileSystem", str] | None:
    url = os.environ.get(VARIABLE)
    return _open(url) if url else None


@cache
def _open(url: str) -> tuple["AbstractFileSystem", str]:
    """The file system of a URL and the path in it."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise UserError(f"{VARIABLE}: {url!r} has no scheme; {ALLOWED}")
    from fsspec.core import url_to_fs

    local = {"auto_mkdir": True} if scheme in ("file", "local") else {}
    try:
        fs, root = url_to_fs(url, use_listings_cache=False, **local)
    except Exception as error:
        raise _unusable(url, error) from error
    if local and not Path(root).is_dir():
        raise UserError(f"{VARIABLE}: {url!r}: there is no folder {root}; {ALLOWED}")
    return fs, root.rstrip("/")


def _unusable(url: str, error: Exception) -> UserError:
    return UserError(f"{VARIABLE}: {url!r}: {' '.join(str(error).split()) or type(error).__name__}; {ALLOWED}")
