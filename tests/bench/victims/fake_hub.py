"""A hub on this machine, for downloads through huggingface_hub's own code: one model, one commit after another."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from bench.victims import embedded_folder


class FakeHub:
    """One model's files by name and its newest commit; `requests` keeps what was asked as (method, path).

    error: a status and the value of X-Error-Code with which every file is refused. stop_after: bytes of a file of
    weights after which the connection breaks.
    """

    def __init__(self, source: str, commit: str, files: dict[str, bytes]) -> None:
        self.source, self.commit, self.files = source, commit, files
        self.error: tuple[int, str] | None = None
        self.stop_after: int | None = None
        self.requests: list[tuple[str, str]] = []
        self.address = ""

    def fetched(self) -> list[str]:
        """Return the names of the files that were sent, whole or in part."""
        return sorted(
            {path.rpartition("/")[2] for method, path in self.requests if method == "GET" and "/resolve/" in path}
        )


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub does for what `snapshot_download` asks."""

    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub, path = self.hub, self.path.split("?")[0]
        self.hub.requests.append((self.command, path))
        model = f"/api/models/{hub.source}"
        if not path.startswith((model, f"/{hub.source}/resolve/")):
            return self.send(401, b"", {"X-Error-Code": "RepoNotFound"})
        if path.startswith(f"{model}/tree/"):
            return self.send(200, json.dumps([self.entry(name) for name in hub.files]).encode(), {})
        if path.startswith(model):
            return self.send(200, json.dumps({"id": hub.source, "sha": hub.commit}).encode(), {})
        if hub.error is not None:
            status, code = hub.error
            return self.send(status, b"", {"X-Error-Code": code, "X-Error-Message": "refused"} if code else {})
        name = path.rpartition("/")[2]
        self.send_file(name, hub.files[name])
        return None

    def entry(self, name: str) -> dict[str, object]:
        content = self.hub.files[name]
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        entry = {"type": "file", "path": name, "size": len(content), "oid": git}
        if name.endswith(".safetensors"):
            entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 1}
        return entry

    def send_file(self, name: str, content: bytes) -> None:
        entry = self.entry(name)
        lfs = entry.get("lfs")
        tag = lfs["oid"] if isinstance(lfs, dict) else entry["oid"]
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": self.hub.commit, "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.send(206 if start else 200, content[start:], headers)

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        stop = self.hub.stop_after
        broken = stop is not None and self.path.endswith(".safetensors") and len(body) > stop
        self.wfile.write(body[:stop] if broken else body)
        if broken:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve(hub: FakeHub) -> Iterator[FakeHub]:
    """Answer requests on a free port of this machine."""
    handler = type("BoundHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def split_checkpoint(name: str, folder: Path) -> dict[str, bytes]:
    """Return the files of an embedded victim, with its weights in two shards and an index, as published ones have."""
    source = embedded_folder(name)
    files = {file.name: file.read_bytes() for file in source.iterdir() if file.name not in {"card.json", "README.md"}}
    tensors = load_file(source / "model.safetensors")
    del files["model.safetensors"]
    keys = sorted(tensors)
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    for shard, part in zip(shards, np.array_split(keys, 2), strict=True):
        save_file({key: tensors[key] for key in map(str, part)}, folder / shard, {"format": "pt"})
        files[shard] = (folder / shard).read_bytes()
    half = len(np.array_split(keys, 2)[0])
    index = {"metadata": {}, "weight_map": {key: shards[number >= half] for number, key in enumerate(keys)}}
    return files | {"model.safetensors.index.json": json.dumps(index).encode()}
