"""The home: can it be written to, is there room, who holds its database, and what is cached in it."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bench.doctor.finding import Finding
from bench.paths import MARK, VARIABLE, home, is_marked
from bench.results import database
from bench.store import disk, housekeeping, remote

LITTLE = 5e9
"""Free bytes below which a suite with released pictures may not fit."""

LOCKED = 0.3
"""Seconds that a database may be held by another process before that is a finding."""

CONNECT = "2"
"""Seconds that a database server has to answer."""


def examine_home() -> Iterator[Finding]:
    """Write a megabyte where the home is, or would be made, and remove it. Raises UserError for an impossible home."""
    folder = home()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    other = f"set {VARIABLE} to another folder"
    try:
        with tempfile.TemporaryFile(dir=nearest) as file:
            file.write(bytes(disk.SCARCE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if disk.is_disk_full_error(error):
            yield Finding("disk", "broken", f"no room for a megabyte in {nearest}", f"free some, or {other}")
        else:
            yield Finding("home", "broken", f"{folder} cannot be written to: {error.strerror}", other)
        return
    if folder.exists() and any(folder.iterdir()) and not is_marked(folder):
        text = f"{folder} has other content and no {MARK}: nothing in it will ever be removed"
        yield Finding("home", "note", text, f"set {VARIABLE} to a folder of its own")
    else:
        yield Finding("home", "ok", str(folder) if folder.exists() else f"{folder}, made by the first run")
    if free < LITTLE:
        yield Finding("disk", "note", f"{free / 1e9:.1f} GB free", f"`bench cache gc`, or {other}")
    else:
        yield Finding("disk", "ok", f"{free / 1e9:.1f} GB free")


def examine_database() -> Iterator[Finding]:
    """Open the database of results without changing it."""
    address = database.database_url()
    shown = database.hide_passwords(address)
    try:
        url = make_url(address)
    except ArgumentError:
        yield Finding("results", "broken", f"{database.VARIABLE}: {shown!r}", f"allowed: {database.ALLOWED}")
        return
    if url.get_backend_name() != "sqlite":
        engine = database.open_engine(url.update_query_dict({"connect_timeout": CONNECT}).render_as_string(False))
        with database.errors_as_one_line(address), engine.connect():
            yield Finding("results", "ok", shown)
        return
    file = Path(url.database or "")
    if not file.exists():
        yield Finding("results", "ok", "no run is recorded yet")
        return
    uri = f"file:{quote(str(file.resolve()))}?mode={'rw' if os.access(file, os.W_OK) else 'ro'}"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=LOCKED)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
            if uri.endswith("rw"):
                connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        if "locked" in str(error):
            yield Finding("results", "note", f"{file} is held by another process", "wait for it; it may be a suite")
        else:
            yield Finding("results", "broken", f"{file}: {error}", "restore a copy, or move the file away")
    else:
        yield Finding("results", "ok", str(file))


def examine_cache() -> Iterator[Finding]:
    """Count the finished stages. Raises UserError for a bad limit or a bad address of a shared store."""
    *_, total = housekeeping.summarise_usage()
    limit = housekeeping.read_limit()
    text = f"{total['artefacts']} finished stages, {total['mb']:.0f} MB"
    if limit is not None and total["mb"] * 1e6 > limit:
        yield Finding("cache", "note", f"{text}, over the limit of {limit / 1e9:g} GB", "bench cache gc")
    else:
        yield Finding("cache", "ok", text + ("" if limit is None else f" of {limit / 1e9:g} GB"))
    if remote.is_configured():
        yield Finding("cache", "ok", "shared with other machines (BENCH_ARTIFACTS)")
