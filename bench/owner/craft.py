"""One chunk of pictures protected: its samples, the defense on them, and what the surrogates make of the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bench import sandbox
from bench.datasets.own.row_checks import DESCRIBE
from bench.errors import UserError
from bench.lazy import Picture, PictureCache
from bench.owner.encodings import read_pixels
from bench.owner.inventory import Inventory, LeftOut
from bench.owner.measure import PIXELS_TOGETHER, compare
from bench.owner.methods import Part, needs_models, without_pixel_steps, without_words
from bench.owner.platforms import Platform
from bench.progress import Progress
from bench.samples import NOTHING, Sample, SampleSet
from bench.spec import Method
from bench.stages.fidelity import check_release, insertions
from bench.words import insert
from defenses import REGISTRY

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM
    from defenses.base import Defense


@dataclass(frozen=True)
class Job:
    """The method and its limits. chunk: pictures that are made together. through: the platform to survive."""

    method: Method
    part: Part
    surrogates: tuple[str, ...]
    seed: int
    chunk: int
    through: Platform | None = None


@dataclass(frozen=True)
class Crafted:
    """A protected chunk.

    clean and release: the same samples. inserted: words and slots of each row, by number. losses: of `measure.losses`,
    on the surrogates as they were in the last round.
    """

    clean: SampleSet
    release: SampleSet
    inserted: dict[int, tuple[list[str], list[int]]]
    left_out: list[LeftOut]
    losses: dict[str, list[float]]


def craft(job: Job, inventory: Inventory, digests: Sequence[str], number: int, progress: Progress) -> Crafted:
    """Protect the pictures of a chunk, and the questions about them. Its number decides its random choices.

    Pictures that cannot be decoded are left out.
    """
    clean, left_out = load_samples(inventory, digests)
    if not clean:
        return Crafted(clean, clean, {}, left_out, {})
    words = job.part.words if all(may_insert(inventory, digest) for digest in digests) else 0
    part = Part(job.part.epsilon, words)
    release, losses = _protect(job, part, clean, number, progress)
    check_release(clean, release)
    pairs = [_place_words(a, b) for a, b in zip(clean, release, strict=True)]
    inserted = {int(sample.id): (words, slots) for sample, words, slots in pairs}
    return Crafted(clean, SampleSet(tuple(sample for sample, *_ in pairs)), inserted, left_out, losses)


def _protect(
    job: Job, part: Part, clean: SampleSet, number: int, progress: Progress
) -> tuple[SampleSet, dict[str, list[float]]]:
    """Return the release of a chunk, and the losses. Code of others runs in the sandbox, and must keep the budget."""
    code = REGISTRY.sandboxed(job.method.name)
    if code is not None:
        models, seed = job.surrogates, [job.seed, number]
        foreign = sandbox.protect(code, job.method.options, clean, models, part.budget, seed, progress).samples
        _check_budget(job, part, clean, foreign)
        return foreign, {}
    largest = max(sample.shape[0] * sample.shape[1] for sample in clean)
    defense = build(job, part, max(1, PIXELS_TOGETHER // largest))
    rng = np.random.default_rng([job.seed, number])
    release = defense.protect(clean, load_surrogates(job), part.budget, rng, progress).samples
    return release, getattr(defense, "losses", {})


def _check_budget(job: Job, part: Part, clean: SampleSet, release: SampleSet) -> None:
    """Raise UserError for a release that changes more than it may."""
    check_release(clean, release)
    for before, after in zip(clean, release, strict=True):
        linf = compare(before.pixels, after.pixels).linf
        words = len(insertions(before.question, after.question)[0])
        if linf > part.epsilon or words > part.words:
            allowed = f"{part.epsilon} and {part.words}"
            raise UserError(f"defense {job.method.name!r}: {linf} levels and {words} words; allowed: {allowed}")


def load_samples(inventory: Inventory, digests: Sequence[str]) -> tuple[SampleSet, list[LeftOut]]:
    """Return the samples of pictures, which are decoded when they are asked for, and those that cannot be decoded.

    The id of a sample is the number of its row. A picture without rows has one sample without an answer.
    """
    samples: list[Sample] = []
    left_out: list[LeftOut] = []
    cache = PictureCache()
    for digest in digests:
        picture = inventory.pictures[digest]
        try:
            pixels = Picture(partial(_decode, picture.read, picture.label), cache)
        except UserError as error:
            reason = str(error).removeprefix(f"{picture.label}: ")
            left_out += [LeftOut(name, reason) for name in picture.names or [picture.label]]
            continue
        for row in picture.rows:
            t = inventory.texts[row]
            texts = (t.question, t.answer, t.answers, t.choices, t.rule)
            samples.append(Sample(str(row), digest, NOTHING, *texts).change(pixels=pixels))
        if not picture.rows:
            samples.append(Sample("-1", digest, NOTHING, DESCRIBE, "").change(pixels=pixels))
    return SampleSet(tuple(samples)), left_out


def _decode(read: Callable[[], bytes], label: str) -> np.ndarray:
    return read_pixels(read(), label)


def may_insert(inventory: Inventory, digest: str) -> bool:
    """Tell if every row about a picture has a question of its own, into which words may be inserted."""
    rows = inventory.pictures[digest].rows
    return bool(rows) and all(inventory.texts[row].rule != "caption" for row in rows)


def load_surrogates(job: Job) -> "list[LVLM]":
    """Return the models of a job, loaded once."""
    if not needs_models(job.method.name):
        return []
    from bench.lvlm.catalog import load_once

    return [load_once(name) for name in job.surrogates]


def build(job: Job, part: Part, items: int) -> "Defense":
    """Return the defense for a part of the budget, which sees at most `items` pictures at once."""
    method = job.method if part.epsilon else without_pixel_steps(job.method)
    method = method if part.words else without_words(method)
    defense = REGISTRY.build(method)
    if not needs_models(method.name):
        return defense
    from bench.owner.bounded import bound

    return bound(defense, items, job.through)


def _place_words(clean: Sample, released: Sample) -> tuple[Sample, list[str], list[int]]:
    """Return a released sample with all inserted words before the options of its question, the words and their slots.

    Words among the options would make them other options.
    """
    words, slots = insertions(clean.question, released.question)
    end = len(options_cut(clean).split())
    slots = [min(slot, end) for slot in slots]
    return released.change(question=insert(clean.question, words, slots).text), words, slots


def options_cut(sample: Sample) -> str:
    """Return a question without the lines of its options.

    >>> options_cut(Sample("0", "p", NOTHING, "Which?\\nA. red\\nB. blue", "A", choices=("red", "blue")))
    'Which?'
    """
    lines = sum(choice.count("\n") + 1 for choice in sample.choices)
    return "\n".join(sample.question.split("\n")[:-lines]) if lines else sample.question
