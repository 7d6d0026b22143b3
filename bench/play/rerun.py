"""Make some stages of a provenance file again, on the CPU and in a home of their own, and compare every byte."""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from bench.paths import VARIABLE, home
from bench.play.chain import Link
from bench.play.check import Check
from bench.stages.stage import Stage
from bench.store import checksums, folders, housekeeping, remote
from bench.threads import VARIABLE as THREADS

KEPT = ("entries", "revisions")
"""Folders of a home, besides its artefacts, that decide what a stage is made of."""


def draw(names: Collection[str], share: float, seed: int) -> list[str]:
    """Return a share of the names, in an order that a seed draws: at least one, and none for 0."""
    return random.Random(seed).sample(sorted(names), ceil(share * len(names)))


def rerun(stage: Stage, links: Mapping[str, Link], whole: set[str], threads: int | None) -> Iterator[Check]:
    """Make a stage again from those of its needs that are `whole` in this home; make the others again, too.

    threads: those that it was made with, where that is known. Yield a check for every stage that was made.
    """
    started, source = time.monotonic(), home()
    with tempfile.TemporaryDirectory(prefix="bench-verify-") as name:
        for folder in KEPT:
            if (source / folder).is_dir():
                shutil.copytree(source / folder, Path(name, folder))
        _copy_needs(stage, source, Path(name), whole)
        copied = {path.name for path in Path(name, "artifacts").glob("*/*")}
        with _in_home(Path(name), threads):
            stage.make()
            made = [stored for stored in folders.list_finished() if stored.identity not in copied]
            seconds = time.monotonic() - started
            for stored in sorted(made):
                if (link := links.get(stored.identity)) is not None:
                    files = checksums.check(stored.folder)["files"]
                    yield compare(f"re-run {stored}", link, files, f"made again bit for bit, {seconds:.0f} s in all")


def compare(name: str, link: Link, files: Mapping[str, list[object]], text: str) -> Check:
    """Return a check of the files of a stage against its link; `text` if all of them are the same."""
    here = {file: tuple(entry) for file, entry in files.items()}
    different = sorted(file for file in {*here, *link.files} if here.get(file) != link.files.get(file))
    if not different:
        return Check(name, text)
    more = f" and {len(different) - 1} more" if len(different) > 1 else ""
    return Check(name, f"{different[0]}{more}: other bytes than the provenance file names", wrong=True)


def _copy_needs(stage: Stage, source: Path, target: Path, whole: set[str]) -> None:
    """Copy what a stage is made of to another home, as far as it is whole here."""
    for need in stage.needs:
        folder = Path("artifacts", need.kind, need.identity)
        if need.identity not in whole:
            _copy_needs(need, source, target, whole)
        elif not (target / folder).exists():
            shutil.copytree(source / folder, target / folder)


@contextmanager
def _in_home(folder: Path, threads: int | None) -> Iterator[None]:
    """Work in another home, without a shared store, a limit or a device."""
    changes: dict[str, str | None] = {
        VARIABLE: str(folder),
        remote.VARIABLE: None,
        housekeeping.VARIABLE: None,
        "BENCH_DEVICE": "cpu",
        **({THREADS: str(threads)} if threads else {}),
    }
    before = {name: os.environ.get(name) for name in changes}
    try:
        _set(changes)
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
