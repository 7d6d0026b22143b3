"""Folders for the finished parts of long work, so that an attempt after a kill need not make them again."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.paths import make_home
from bench.store.folders import PARTS, is_running, read_process


@contextmanager
def keep_parts(key: str) -> Iterator[Path]:
    """Yield the folder for the parts of one work; it goes when the block ends without an error.

    `key`: 16 hex digits that name the work. The folder of an attempt whose process has ended is taken over with all
    that is in it; one whose process still runs is left alone. `bench cache` lists what no process uses.
    """
    folder = make_home() / PARTS / f".{key}.parts.{os.getpid()}"
    folder.parent.mkdir(exist_ok=True)
    for old in sorted(folder.parent.glob(f".{key}.parts.*")):
        process = read_process(old)
        if old != folder and process is not None and not is_running(process):
            with suppress(OSError):  # another process has taken it first, or this one holds a fuller one
                old.rename(folder)
    folder.mkdir(exist_ok=True)
    yield folder
    shutil.rmtree(folder)
