"""Fidelity: a release keeps every field but pictures and questions, and each question around the inserted words."""

from dataclasses import fields
from itertools import zip_longest
from typing import Any

import numpy as np

from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.words import LONGEST, may_be_inserted, split_pieces

ALLOWED_FIELDS = "allowed: pictures and questions"
ALLOWED_TEXT = f"allowed: inserted words only, each after one space, of 3 to {LONGEST} letters a-z or A-Z"

SHOWN = 60
"""Characters of a value that an error shows."""


def check_release(original: SampleSet, released: object, control: bool = False) -> int:
    """Return how many samples have other answers: none, unless it is a `control`.

    Raises UserError, with the sample and the field, for anything else than pictures of the same size and questions with
    inserted words. Budgets are not checked.
    """
    if not isinstance(released, SampleSet) or not all(isinstance(sample, Sample) for sample in released):
        raise UserError(f"release: {show_ascii(released)}; allowed: a SampleSet of Samples")
    check_ids(original, released)
    answers = check_labels(original, released, control)
    check_pictures(original, released)
    for before, after in zip(original, released, strict=True):
        inserted_words(before, after)
    return answers


def check_ids(original: SampleSet, released: SampleSet) -> None:
    """Raise UserError, with the first that differs, for samples that are missing, added, renamed or moved."""
    for number, pair in enumerate(zip_longest(original, released), start=1):
        before, after = ((s.id, s.image_id) if s else None for s in pair)
        if before != after:
            change = f"sample {number} from {show_ascii(before)} to {show_ascii(after)}"
            counts = f"{len(original)} samples to {len(released)}"
            raise UserError(f"release: ids or order changed, {change}, {counts}; {ALLOWED_FIELDS}")


def check_labels(original: SampleSet, released: SampleSet, control: bool = False) -> int:
    """Return how many samples have other answers: none, unless it is a `control`.

    Raises UserError for a change of any field besides `pixels` and `question`, and for one that is no text.
    """
    for r in released:
        for key in (field.name for field in fields(Sample) if field.name != "pixels"):
            _check_text(getattr(r, key), key, r)
    free = {"pixels", "question", *(("answer", "answers") if control else ())}
    for name in (field.name for field in fields(Sample) if field.name not in free):
        values = [(getattr(s, name), getattr(r, name)) for s, r in zip(original, released, strict=True)]
        changed = [number for number, (before, after) in enumerate(values) if before != after]
        if changed:
            before, after = map(show_ascii, values[changed[0]])
            what = f"{len(changed)} {name}{'' if name.endswith('s') else 's'} changed"
            where = f"sample {show_ascii(original[changed[0]].id)} from {before} to {after}"
            raise UserError(f"release: {what}, in {where}; {ALLOWED_FIELDS}")
    pairs = zip(original, released, strict=True)
    return sum((s.answer, s.answers) != (r.answer, r.answers) for s, r in pairs)


def _check_text(value: object, field: str, sample: Sample) -> None:
    """Raise UserError for a field that is not text which UTF-8 can write, or for a list not a tuple of such texts."""
    many = field in ("answers", "choices")
    texts = value if many else (value,)
    where = f"release: {field} of sample {show_ascii(sample.id)}"
    if not isinstance(texts, tuple) or not all(isinstance(text, str) for text in texts):
        raise UserError(f"{where}: {show_ascii(value)}; allowed: {'a tuple of texts' if many else 'text'}")
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: {show_ascii(value)}; allowed: text that UTF-8 can write") from None


def check_pictures(original: SampleSet, released: SampleSet) -> None:
    """Raise UserError for a picture of another size or type, or one that differs between its samples."""
    pictures: dict[str, Sample] = {}
    for before, after in zip(original, released, strict=True):
        shape, b, name = before.shape, after.pixels, f"picture {show_ascii(after.image_id)}"
        if not isinstance(b, np.ndarray):
            raise UserError(f"release: {name} is {show_ascii(b)}; allowed: {shape} uint8")
        if shape != b.shape or b.dtype != np.uint8:
            raise UserError(f"release: {name} is {b.shape} {b.dtype}; allowed: {shape} uint8")
        first = pictures.setdefault(after.image_id, after)
        if first.picture is not after.picture and not np.array_equal(first.pixels, b):
            raise UserError(
                f"release: {name} differs at sample {show_ascii(after.id)}; allowed: the same for each image_id"
            )


def inserted_words(original: Sample, released: Sample) -> list[str]:
    """Return the words that a release adds to a sample's question. Raises UserError if they may not be inserted."""
    name = f"question of sample {show_ascii(original.id)}"
    words, _ = insertions(original.question, released.question, name)
    for word in words:
        if not may_be_inserted(word):
            raise UserError(f"release: {name}: the word {show_ascii(word)} was inserted; {ALLOWED_TEXT}")
    return words


def insertions(original: str, released: str, name: str = "question") -> tuple[list[str], list[int]]:
    """Return the words that `released` adds, and for each the index of the word of `original` that it stands before.

    `bench.words.insert` makes `released` of them, to the letter. A word beside an equal one counts as the second.
    Raises UserError, with `name`, for any other change.

    >>> insertions("What is this?", "What lake is this? pony")
    (['lake', 'pony'], [1, 3])
    """
    (expected, end), (pieces, new_end) = split_pieces(original), split_pieces(released)
    words: list[str] = []
    slots: list[int] = []
    spaced: list[tuple[int, str]] = []
    at = 0
    for number, (space, word) in enumerate(pieces):
        before = " " if number else ""
        if at < len(expected) and (space, word) == (expected[at][0] or before, expected[at][1]):
            at += 1
            continue
        words.append(word)
        slots.append(at)
        if space != before:
            spaced.append((at, space + word))
    if at < len(expected):
        rest = pieces[at + slots.index(at) :] if at in slots else [("", "")]
        strange = [(space, word) for space, word in rest if space != " " or not may_be_inserted(word)]
        before, after = ("".join(piece) for piece in (expected[at], (strange or rest)[0]))
        change = f"word {at + 1} changed from {show_ascii(before)} to {show_ascii(after)}"
        raise UserError(f"release: {name}: {change}; {ALLOWED_TEXT}")
    if spaced:
        raise UserError(f"release: {name}: {show_ascii(spaced[0][1])} before word {spaced[0][0] + 1}; {ALLOWED_TEXT}")
    if end != new_end:
        raise UserError(
            f"release: {name}: its end changed from {show_ascii(end)} to {show_ascii(new_end)}; {ALLOWED_TEXT}"
        )
    return words, slots


def show_ascii(value: Any) -> str:
    """Return a value for an error line, where spaces that look alike must differ: beyond ASCII all is escaped.

    >>> show_ascii("a" + chr(0x2003)), show_ascii("a" * 99)[55:]
    ("'a\\\\u2003'", 'aaaaa... (101 characters)')
    """
    text = ascii(value).replace("\n", " ")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"
