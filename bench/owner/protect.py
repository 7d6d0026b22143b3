"""Protect a folder: chunk after chunk, each written to the disk before the next begins.

The source is only read. Memory does not grow with the number of pictures, and a killed job goes on to the same bytes.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from bench.errors import UserError
from bench.owner import measure, report
from bench.owner.cells import Edit
from bench.owner.craft import Crafted, Job, craft, may_insert
from bench.owner.encodings import encode
from bench.owner.inventory import NOT_READ, Inventory, LeftOut, Picture, take_inventory
from bench.owner.jobs import describe_job
from bench.owner.methods import MOST_TOGETHER, is_one_by_one, needs_answers
from bench.owner.state import State, write_flushed
from bench.owner.tables import Edits, write_tables
from bench.progress import Progress, silent
from bench.spec import identity
from bench.store import disk
from defenses import REGISTRY

LARGE = 2**20
"""Pixels from which pictures are in chunks of their own, so that small ones are not slowed down."""


def protect(source: Path, target: Path, job: Job, progress: Progress = silent) -> dict[str, Any]:
    """Protect what is at `source` into the new folder `target`, and return the report that is written beside it.

    Raises UserError where a folder is in the other, where `target` holds anything but this job's half-done work, and
    where the method lacks what it needs, or the disk has no room.
    """
    check_places(source, target)
    state = State(target.resolve())
    try:
        return _protect(source, state, job, progress)
    except OSError as error:
        if disk.is_disk_full_error(error):
            raise disk.DiskFull(
                f"out: no space left for {str(state.target)!r}; free some, and the same command goes on"
            ) from error
        raise
    finally:
        state.close()


def _protect(source: Path, state: State, job: Job, progress: Progress) -> dict[str, Any]:
    is_new = state.open(identity(describe_job(job)))
    try:
        inventory = take_inventory(source, state.pictures)
        chunks = plan_chunks(inventory, job)
    except (UserError, OSError):
        if is_new:
            state.drop()
        raise
    state.check_data(identity(ascii(inventory.identity)))
    names = inventory.names if job.part.epsilon else {name: name for name in inventory.names}
    for number, digests in enumerate(chunks):
        if not state.has_chunk(number):
            part = partial(_tell, progress, number, len(chunks))
            crafted = craft(job, inventory, digests, number, part)
            state.keep_chunk(number, _write_chunk(state, inventory, names, job, crafted))
        progress((number + 1) / len(chunks), f"{number + 1} of {len(chunks)} chunks")
    if inventory.dataset is not None:
        inventory.check_tables()
        edits = _collect_edits(state, inventory, names, len(chunks))
        write_tables(inventory.dataset, inventory.root, state.target, edits)
    finished = report.write(state, inventory, job, len(chunks))
    state.finish()
    return finished


def check_places(source: Path, target: Path) -> None:
    """Raise UserError where the protected folder or its report would be in the source, or the source in them."""
    root, new = source.resolve(), target.resolve()
    if not new.name:
        raise UserError(f"out: {str(new)!r} is no name of a new folder; allowed: a folder inside another one")
    for folder in (new, State(new).report):
        if folder.is_relative_to(root) or root.is_relative_to(folder):
            raise UserError(f"out: {str(folder)!r} and the source {str(root)!r} are in each other; allowed: apart")


def plan_chunks(inventory: Inventory, job: Job) -> list[list[str]]:
    """Return the pictures of each chunk, in a random order, so that a chunk has many kinds of answers.

    Pictures whose questions may not be changed are in chunks of their own, and so are large ones. Where only words may
    be inserted, the former are left out. Raises UserError where there is nothing to protect, or too much at once.
    """
    name = job.method.name
    if inventory.dataset is None and needs_answers(name):
        able = [other for other in REGISTRY.catalog if other not in REGISTRY.controls and not needs_answers(other)]
        tables = "".join(f" ({left.name!r} is {left.reason})" for left in inventory.left_out if left.reason == NOT_READ)
        raise UserError(
            f"source: pictures without texts{tables}, and {name!r} needs answers; allowed: a table of questions and "
            f"answers or of captions beside them (docs/data.md), or {', '.join(able)}"
        )
    groups: dict[tuple[bool, bool], list[str]] = {}
    for digest in sorted(inventory.pictures):
        picture = inventory.pictures[digest]
        kind = (may_insert(inventory, digest), picture.header.pixels > LARGE)
        if job.part.epsilon or kind[0]:
            groups.setdefault(kind if is_one_by_one(name) else (False, False), []).append(digest)
        else:
            reason = "no question of its own to insert words into"
            inventory.left_out += [LeftOut(each, reason) for each in picture.names or [picture.label]]
    count = sum(map(len, groups.values()))
    if not count:
        faults = "".join(f"\n  {left.name}: {left.reason}" for left in inventory.left_out[:20])
        raise UserError(f"source: {str(inventory.source)!r} has nothing that can be protected{faults}")
    if not is_one_by_one(name) and count > MOST_TOGETHER:
        raise UserError(
            f"source: {count} pictures; allowed: {MOST_TOGETHER} for {name!r}, which makes all of them together"
        )
    return list(_divide(groups, job))


def _divide(groups: dict[tuple[bool, bool], list[str]], job: Job) -> Iterator[list[str]]:
    size = job.chunk if is_one_by_one(job.method.name) else MOST_TOGETHER
    rng = np.random.default_rng(job.seed)
    for _, digests in sorted(groups.items()):
        mixed = [digests[i] for i in rng.permutation(len(digests))]
        yield from (mixed[start : start + size] for start in range(0, len(mixed), size))


def _tell(progress: Progress, number: int, count: int, fraction: float, note: str) -> None:
    progress((number + fraction) / count, f"chunk {number + 1} of {count}, {note}")


def _write_chunk(
    state: State, inventory: Inventory, names: dict[str, str], job: Job, crafted: Crafted
) -> dict[str, Any]:
    """Write the pictures of a chunk, and return its record."""
    left_out, pictures = list(crafted.left_out), []
    rows: dict[int, tuple[list[str], list[int]]] = {}
    released = {sample.image_id: sample for sample in crafted.release}
    clean = {sample.image_id: sample for sample in crafted.clean}
    for digest, sample in released.items():
        picture = inventory.pictures[digest]
        before = clean[digest].pixels
        try:
            written, after = encode_sample(picture, job, sample.pixels, before)
        except UserError as error:
            reason = str(error).removeprefix(f"{picture.label}: ")
            left_out += [LeftOut(name, reason) for name in picture.names or [picture.label]]
            continue
        new = {name: names[name] for name in picture.names}
        for name in new.values():
            write_flushed(state.target / name, written)
        if picture.rows and not all(inventory.files[row] for row in picture.rows):
            write_flushed(state.protected / digest, written)
        entry = {"picture": digest, "files": new, **measure.compare(before, after)._asdict()}
        pictures.append({**entry, "note": picture.header.note if job.part.epsilon else ""})
        rows |= {row: crafted.inserted[row] for row in picture.rows}
    named = [left._asdict() for left in left_out]
    return {"pictures": pictures, "rows": rows, "left_out": named, "losses": crafted.losses}


def encode_sample(picture: Picture, job: Job, released: np.ndarray, clean: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Return the file of a protected picture, and its pixels as they are read from it."""
    data = picture.read()
    return encode(data, released, picture.label) if job.part.epsilon else (data, clean)


def _collect_edits(state: State, inventory: Inventory, names: dict[str, str], chunks: int) -> Edits:
    """Return the function that gives the changes of each row."""
    inserted: dict[int, tuple[list[str], list[int]]] = {}
    for number in range(chunks):
        inserted |= {int(row): words for row, words in state.read_chunk(number)["rows"].items()}
    digests = inventory.digests

    def edit(row: int) -> Edit | None:
        if row not in inserted:
            return None
        words, slots = inserted[row]
        name = inventory.files[row]
        if not name:
            return Edit(words, slots, data=(state.protected / digests[row]).read_bytes())
        new = PurePosixPath(names[name]).name
        return Edit(words, slots, "" if new == PurePosixPath(name).name else new)

    return edit
