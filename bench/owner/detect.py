"""Ask if a model was trained on a protected release: does it know the release better than fresh copies of it?

A fresh copy is made as the release was, from the same originals, with other random draws: other noise, other words.
Nobody has seen it. A model that saw the originals alone, or nothing, cannot tell the release from the fresh copies; the
test (`bench.scoring.exchange`) accuses such a model with at most the probability that was asked for.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench.errors import UserError
from bench.owner.craft import Job, craft
from bench.owner.inventory import Inventory, locate_copy, take_inventory
from bench.owner.jobs import describe_job
from bench.owner.measure import answer_losses
from bench.owner.methods import APART
from bench.owner.protect import encode_sample, plan_chunks
from bench.owner.released import Released, match, read_job, read_kept
from bench.progress import Progress, silent
from bench.samples import Sample, SampleSet
from bench.scoring.exchange import copies_needed, known_better
from bench.store import artifacts

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM


LOWEST, HIGHEST = 0.001, 0.5
"""Rates of false positives that may be asked for."""


class Suspect(NamedTuple):
    """A model by name or folder, and the folder of its adapter where it has one."""

    model: str
    adapter: Path | None = None


class Chunk(NamedTuple):
    """A chunk of the release: its number, its pictures, and its rows with an answer that are in the release."""

    number: int
    digests: list[str]
    rows: list[int]


def detect(
    original: Path, release: Path, suspect: Suspect, fpr: float = 0.01, progress: Progress = silent
) -> dict[str, Any]:
    """Return whether the suspect knows the release (`found`), and the numbers that this rests on.

    fpr: the probability at most with which a model that never saw the release is found. p: that of this test. Fresh
    copies are kept in the home, so that another suspect costs only its answers. Raises UserError where the two folders
    and the report beside the release do not belong together, and where the method draws nothing at random.
    """
    if not LOWEST <= fpr <= HIGHEST:
        raise UserError(f"fpr: {fpr!r}; allowed: {LOWEST} to {HIGHEST}")
    folder = release if release.is_dir() else release.parent
    job = read_job(folder)
    with tempfile.TemporaryDirectory(prefix="bench-owner-") as spool:
        before = take_inventory(original, Path(spool, "original"))
        after = take_inventory(locate_copy(original, release), Path(spool, "released"))
        released = match(before, after, read_kept(folder), release)
        chunks = list(_plan(before, job, released))
        if not chunks:
            raise UserError(f"released: {str(release)!r} has no answers; allowed: texts whose answers can be asked for")
        copies = copies_needed(_count_blocks(job, chunks, before), fpr)
        with _load(suspect):
            progress(0, "the suspect can be loaded")  # or it is refused, before copies are made for it
        sides = list(_make_sides(before, job, chunks, copies, released, progress))
        losses = _ask(suspect, sides, progress)
    blocks = [block for chunk, side in zip(losses, sides, strict=True) for block in _split(job, chunk, side[0])]
    p = known_better(blocks)
    table = np.concatenate(losses, axis=1)
    return {
        "found": p <= fpr,
        "p": round(p, 6),
        "fpr": fpr,
        "model": suspect.model,
        "adapter": None if suspect.adapter is None else str(suspect.adapter),
        "defense": job.method.model_dump(),
        "seed": job.seed,
        "answers": table.shape[1],
        "blocks": len(blocks),
        "copies": copies,
        "loss_released": round(float(table[0].mean()), 4),
        "loss_fresh": round(float(table[1:].mean()), 4),
    }


def _plan(inventory: Inventory, job: Job, released: Released) -> Iterator[Chunk]:
    """Yield the chunks in which the release was made, without those of which nothing can be asked."""
    for number, digests in enumerate(plan_chunks(inventory, job)):
        rows = [row for digest in digests for row in inventory.pictures[digest].rows if row in released.rows]
        if rows:
            yield Chunk(number, digests, sorted(rows))


def _count_blocks(job: Job, chunks: list[Chunk], inventory: Inventory) -> int:
    pictures = {inventory.digests[row] for chunk in chunks for row in chunk.rows}
    return len(pictures) if job.method.name in APART else len(chunks)


def _split(job: Job, losses: np.ndarray, samples: list[Sample]) -> Iterator[np.ndarray]:
    """Yield the losses (copies, samples) of each block of a chunk: of one picture, or all."""
    if job.method.name not in APART:
        yield losses
        return
    pictures = np.array([sample.image_id for sample in samples])
    yield from (losses[:, pictures == picture] for picture in dict.fromkeys(pictures))


def _make_sides(
    inventory: Inventory, job: Job, chunks: list[Chunk], copies: int, released: Released, progress: Progress
) -> Iterator[list[list[Sample]]]:
    """Yield for each chunk its samples in the release and in each fresh copy, in the same order of rows."""
    total = len(chunks) * copies
    for place, chunk in enumerate(chunks):
        sides = [[released.sample(row) for row in chunk.rows]]
        for copy in range(copies):
            step = place * copies + copy
            part = partial(_tell, progress, step, total)
            sides.append(_make_copy(inventory, replace(job, seed=_fresh_seed(job.seed, copy)), chunk, part))
        if all(_is_same(sides[0], side) for side in sides[1:]):
            raise UserError(
                f"released: {job.method.name!r} draws nothing at random, so that a fresh copy is the release itself; "
                "allowed: a method that does, such as mmguard, em or random_trigger"
            )
        yield sides


def _tell(progress: Progress, step: int, total: int, fraction: float, note: str) -> None:
    progress((step + fraction) / total, f"fresh copy {step + 1} of {total}, {note}")


def _is_same(release: list[Sample], copy: list[Sample]) -> bool:
    pairs = zip(release, copy, strict=True)
    return all(a.question == b.question and np.array_equal(a.pixels, b.pixels) for a, b in pairs)


def _fresh_seed(seed: int, copy: int) -> int:
    """Return the seed of a fresh copy, which no owner would choose."""
    return int.from_bytes(hashlib.sha256(f"bench detect {seed} {copy}".encode()).digest()[:8])


def _make_copy(inventory: Inventory, job: Job, chunk: Chunk, progress: Progress) -> list[Sample]:
    """Return the rows of a fresh copy of a chunk as their files would be read: from the home, or made now."""
    rows = sorted(row for digest in chunk.digests for row in inventory.pictures[digest].rows)
    payload = {
        "job": describe_job(job),
        "number": chunk.number,
        "pictures": chunk.digests,
        "texts": ascii([[row, *inventory.texts[row]] for row in rows]),
        "rows": chunk.rows,
    }

    def work(folder: Path) -> None:
        crafted = craft(job, inventory, chunk.digests, chunk.number, progress)
        clean = {sample.image_id: sample.pixels for sample in crafted.clean}
        samples = [sample for sample in crafted.release if int(sample.id) in chunk.rows]
        written = {
            name: encode_sample(inventory.pictures[name], job, sample.pixels, clean[name])[1]
            for name, sample in {sample.image_id: sample for sample in samples}.items()
        }
        SampleSet(tuple(sample.change(pixels=written[sample.image_id]) for sample in samples)).save(folder)

    made = {int(sample.id): sample for sample in SampleSet.load(artifacts.make("fresh", payload, work).folder)}
    return [made[row] for row in chunk.rows]


@contextmanager
def _load(suspect: Suspect) -> Iterator["LVLM"]:
    """Lend the model with its adapter. Raises UserError for one that cannot be loaded."""
    from bench.lvlm.catalog import load_once
    from bench.lvlm.foreign_adapter import use_foreign_adapter

    lvlm = load_once(suspect.model)
    with use_foreign_adapter(lvlm, suspect.adapter) if suspect.adapter else nullcontext():
        yield lvlm


def _ask(suspect: Suspect, sides: list[list[list[Sample]]], progress: Progress) -> list[np.ndarray]:
    """Return the loss of each answer, (copies, samples) for each chunk. Raises UserError for one that is not finite."""
    losses = []
    with _load(suspect) as lvlm:
        for number, chunk in enumerate(sides):
            losses.append(np.array([list(answer_losses(lvlm, side)) for side in chunk]))
            progress((number + 1) / len(sides), f"asked {number + 1} of {len(sides)} chunks")
    if not all(np.isfinite(chunk).all() for chunk in losses):
        raise UserError(f"model: {suspect.model!r} gives losses that are not finite; allowed: a model that works")
    return losses
