"""A store of artefacts that several machines share: any fsspec URL in `$BENCH_ARTIFACTS`.

`manifests/<kind>/<identity>.json` are the manifests of the finished artefacts. Their files are in
`files/<kind>/<identity>/<hash of the manifest>/`. Files are copied before their manifest, and no two manifests share
files, so a push that is interrupted, or overtaken by another machine's, never shows an incomplete artefact.
"""

import hashlib
import logging
import os
import socket
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError, hide_secrets
from bench.store import checksums, disk
from bench.store.checksums import MANIFEST

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

VARIABLE = "BENCH_ARTIFACTS"
ALLOWED = "allowed: a URL such as s3://bucket/folder or file:///mnt/share"
LOG = logging.getLogger(__name__)


def is_configured() -> bool:
    """Return True if there is a shared store. Raises UserError where its URL cannot be used."""
    return _shared_store() is not None


def push(folder: Path, kind: str, identity: str) -> bool:
    """Copy a finished artefact to the shared store. Return False without a store, or, with a warning, on failure."""
    if (store := _shared_store()) is None:
        return False
    try:
        _push(*store, folder, kind, identity)
    except Exception as error:  # every driver has errors of its own, and the artefact is safe in this home
        text = hide_secrets(f"{os.environ[VARIABLE]}: {error}")
        LOG.warning("%s/%s is not in %s; `bench cache push` tries again", kind, identity, text)
        return False
    return True


def pull(folder: Path, kind: str, identity: str) -> bool:
    """Copy an artefact of the shared store into an empty folder. Return False where it is absent or broken there."""
    if (store := _shared_store()) is None:
        return False
    try:
        return _pull(*store, folder, kind, identity)
    except Exception as error:
        if disk.is_disk_full_error(error):
            raise
        url, reason = hide_secrets(os.environ[VARIABLE]), hide_secrets(str(error))
        LOG.warning("%s/%s of %s is not used: %s", kind, identity, url, reason)
        return False


def list_finished() -> set[tuple[str, str]]:
    """Return (kind, identity) of every artefact of the shared store, by one listing. Raises UserError on failure."""
    if (store := _shared_store()) is None:
        return set()
    fs, root = store
    try:
        paths = [path.split("/") for path in fs.find(f"{root}/manifests") if path.endswith(".json")]
    except Exception as error:
        raise _url_error(os.environ[VARIABLE], error) from error
    return {(path[-2], path[-1].removesuffix(".json")) for path in paths}


def _push(fs: "AbstractFileSystem", root: str, folder: Path, kind: str, identity: str) -> None:
    manifest, final = (folder / MANIFEST).read_bytes(), _manifest_path(root, kind, identity)
    names, files = checksums.parse_manifest(manifest)["files"], _files_path(root, kind, identity, manifest)
    fs.put([str(folder / name) for name in names], [f"{files}/{name}" for name in names])
    draft = f"{final}.{socket.gethostname()}.{os.getpid()}"
    fs.pipe_file(draft, manifest)
    fs.mv(draft, final)


def _pull(fs: "AbstractFileSystem", root: str, folder: Path, kind: str, identity: str) -> bool:
    try:
        manifest = fs.cat_file(_manifest_path(root, kind, identity))
    except FileNotFoundError:
        return False
    names = checksums.parse_manifest(manifest)["files"]
    for parent in {(folder / name).parent for name in names}:
        parent.mkdir(parents=True, exist_ok=True)
    files = _files_path(root, kind, identity, manifest)
    fs.get([f"{files}/{name}" for name in names], [str(folder / name) for name in names])
    (folder / MANIFEST).write_bytes(manifest)
    checksums.check(folder)
    return True


def _manifest_path(root: str, kind: str, identity: str) -> str:
    return f"{root}/manifests/{kind}/{identity}.json"


def _files_path(root: str, kind: str, identity: str, manifest: bytes) -> str:
    return f"{root}/files/{kind}/{identity}/{hashlib.sha256(manifest).hexdigest()[:16]}"


def _shared_store() -> tuple["AbstractFileSystem", str] | None:
    url = os.environ.get(VARIABLE)
    return _open_url(url) if url else None


@cache
def _open_url(url: str) -> tuple["AbstractFileSystem", str]:
    """Return the file system of a URL, and the path in it. Raises UserError where it cannot be used."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise UserError(f"{VARIABLE}: {hide_secrets(repr(url))} has no scheme; {ALLOWED}")
    from fsspec.core import url_to_fs

    local = {"auto_mkdir": True} if scheme in ("file", "local") else {}
    try:
        fs, root = url_to_fs(url, use_listings_cache=False, **local)
    except Exception as error:
        raise _url_error(url, error) from error
    if local and not Path(root).is_dir():
        raise UserError(f"{VARIABLE}: {url!r}: there is no folder {root}; {ALLOWED}")
    return fs, root.rstrip("/")


def _url_error(url: str, error: Exception) -> UserError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{VARIABLE}: {hide_secrets(f'{url!r}: {reason}')}; {ALLOWED}")
