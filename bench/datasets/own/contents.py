"""The contents of your own data set after all rows are read: good rows by split, and one line for each bad row."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from bench.datasets.near_duplicates import perceptual_hash
from bench.datasets.own.formats import open_dataset
from bench.datasets.own.row_checks import CheckedTexts, check_texts, read_picture
from bench.datasets.own.rows import MAX_ROWS, RawDataset, RawRow
from bench.datasets.splits import CAPS, SPLITS, Picture, Roles, Split, assign, find_crossings
from bench.errors import UserError
from bench.lazy import Spool
from bench.pictures import decode
from bench.samples import NOTHING, Sample, SampleSet

MIN_PICTURES: dict[Split, int] = {"train": 8, "validation": 4, "test": 8}
"""Fewest pictures of each split; a test that can show much has hundreds."""

MAX_BAD = 0.1
"""Largest share of rows that may be bad."""

MAX_BYTES = 8 * 2**30
"""Most bytes of the decoded pictures of all splits together."""

MAX_ASPECT = 100
"""Largest ratio of the sides of a picture."""


class Draft(NamedTuple):
    """A good row without its picture, whose pixels hash to `image_id`. `number` counts all rows from 0."""

    number: int
    where: str
    image_id: str
    texts: CheckedTexts


@dataclass(frozen=True)
class Contents:
    """The number of all rows, the good ones by split, a line on each bad one, and notes on good ones left out."""

    dataset: RawDataset
    rows: int
    drafts: dict[Split, list[Draft]]
    bad: list[str]
    notes: list[str]

    @property
    def refusal(self) -> str:
        """The reason why the data set cannot be used, or ""."""
        if len(self.bad) > MAX_BAD * self.rows:
            return f"{len(self.bad)} of {self.rows} rows cannot be used; allowed: at most one in ten"
        for split, least in MIN_PICTURES.items():
            count = self.pictures(split)
            if count < least:
                allowed = ", ".join(f"{split} {least}" for split, least in MIN_PICTURES.items())
                return f"{split} has {count} good pictures; allowed: at least {allowed}, and hundreds to show much"
        return ""

    def pictures(self, split: Split) -> int:
        """Return the number of different pictures in a split."""
        return len({draft.image_id for draft in self.drafts[split]})

    @property
    def effect(self) -> float:
        """The smallest difference of two accuracies that one seed would probably show (`bench.scoring.power`)."""
        from bench.scoring.power import StudyDesign, detectable_paired

        items = len(self.drafts["test"])
        return detectable_paired(StudyDesign(items, round(items / self.pictures("test"))))

    def samples(self) -> dict[Split, SampleSet]:
        """Return the sample sets by split. Every picture is decoded once more; many of them are kept in a file."""
        chosen = {draft.number: draft for drafts in self.drafts.values() for draft in drafts}
        pixels = Spool[str]()
        for number, raw in enumerate(self.dataset.rows()):
            draft = chosen.get(number)
            if draft is not None and draft.image_id not in pixels and isinstance(raw, RawRow):
                pixels[draft.image_id] = decode(read_picture(raw, self.dataset), raw.where)
        return {
            split: SampleSet(tuple(map(_sample, drafts))).with_pictures(pixels) for split, drafts in self.drafts.items()
        }


def read_contents(path: Path) -> Contents:
    """Read every row of the data set at `path`. Raises UserError if it is no data set at all."""
    return _Reader(open_dataset(path)).read()


def digest(path: Path) -> str:
    """Return 16 hex digits that change with any cell or picture file, and do not depend on the path."""
    dataset = open_dataset(path)
    hashed = hashlib.sha256(repr(dataset.notes).encode())
    for raw in dataset.rows():
        hashed.update(repr(_hashable(raw, dataset)).encode(errors="surrogatepass"))
    return hashed.hexdigest()[:16]


def _hashable(raw: RawRow | UserError, dataset: RawDataset) -> tuple[object, ...]:
    if isinstance(raw, UserError):
        return (str(raw),)
    try:
        data: bytes | str = hashlib.sha256(read_picture(raw, dataset)).hexdigest()
    except UserError as error:
        data = str(error)
    cells = {key: value for key, value in raw.cells.items() if key not in ("image", "images")}
    return raw.where, raw.split, json.dumps(cells, sort_keys=True, default=str), data


@dataclass
class _Reader:
    """One pass over the rows. Every picture is decoded and hashed, and none is kept."""

    dataset: RawDataset
    bad: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    files: dict[bytes, str] = field(default_factory=dict)
    hashes: dict[str, np.ndarray] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def read(self) -> Contents:
        rows, drafts = 0, []
        self.notes.extend(self.dataset.notes)
        for raw in self.dataset.rows():
            rows += 1
            if rows > MAX_ROWS:
                raise UserError(f"dataset: more than {MAX_ROWS} rows; allowed: {MAX_ROWS}")
            try:
                drafts.append(self._draft(rows - 1, raw))
            except UserError as error:
                self.bad.append(str(error))
        chosen = self._divide(list(self._check_splits(drafts)))
        needed = sum(self.sizes[name] for name in {d.image_id for part in chosen.values() for d in part})
        if needed > MAX_BYTES:
            raise UserError(
                f"dataset: its pictures take {needed / 2**30:.1f} GiB decoded; allowed: {MAX_BYTES / 2**30:.0f}; "
                "make them smaller"
            )
        return Contents(self.dataset, rows, chosen, self.bad, self.notes)

    def _draft(self, number: int, raw: RawRow | UserError) -> Draft:
        if isinstance(raw, UserError):
            raise raw
        texts = check_texts(raw)
        name = texts.id or f"row-{number + 1:06d}"
        if name in self.ids:
            raise UserError(f"{raw.where}: id: {name!r} is also that of {self.ids[name]}; allowed: different ids")
        image_id = self._add_picture(read_picture(raw, self.dataset), f"{raw.where}: picture")
        self.ids[name] = raw.where
        return Draft(number, raw.where, image_id, texts._replace(id=name))

    def _add_picture(self, data: bytes, where: str) -> str:
        """Decode and hash a picture file, unless it was before. Returns the id of its pixels."""
        file = hashlib.sha256(data).digest()
        if file not in self.files:
            pixels = decode(data, where)
            height, width, _ = pixels.shape
            if max(height, width) > MAX_ASPECT * min(height, width):
                raise UserError(f"{where}: {width}x{height} pixels; allowed: sides up to {MAX_ASPECT} to 1")
            name = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]
            self.files[file], self.sizes[name] = name, pixels.nbytes
            self.hashes.setdefault(name, perceptual_hash(pixels))
        return self.files[file]

    def _check_splits(self, drafts: list[Draft]) -> Iterator[Draft]:
        """Yield the rows with a split, or all rows if none has one."""
        has_splits = any(draft.texts.split for draft in drafts)
        for draft in drafts:
            if has_splits and not draft.texts.split:
                self.bad.append(f"{draft.where}: split: missing; allowed: one for each row, or for none")
            else:
                yield draft

    def _divide(self, drafts: list[Draft]) -> dict[Split, list[Draft]]:
        """Divide the rows by the rule of `bench.datasets.splits`; splits that are missing are taken from training."""
        splits = {draft.texts.split for draft in drafts}
        if splits and splits != {""} and "train" not in splits:
            raise UserError(f"dataset: only {', '.join(sorted(splits))}; allowed: a train split, or no splits at all")
        missing = tuple(split for split in SPLITS if split not in splits)
        roles: Roles = {"": SPLITS, "train": ("train", *missing), "validation": ("validation",), "test": ("test",)}
        counts = Counter((draft.image_id, draft.texts.split) for draft in drafts)
        pictures = [Picture(name, source, self.hashes[name], count) for (name, source), count in counts.items()]
        assignment = assign(pictures, roles)
        chosen: dict[Split, list[Draft]] = {split: [] for split in SPLITS}
        for draft in drafts:
            split = assignment.split.get((draft.image_id, draft.texts.split))
            if split is not None:
                chosen[split].append(draft)
        self._add_notes(drafts, chosen)
        return chosen

    def _add_notes(self, drafts: list[Draft], chosen: dict[Split, list[Draft]]) -> None:
        """Note the near-duplicates between the owner's splits, and the rows beyond the caps."""
        by_split: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
        first: dict[tuple[str, str], str] = {}
        for draft in drafts:
            by_split[draft.texts.split][draft.image_id] = self.hashes[draft.image_id]
            first.setdefault((draft.texts.split, draft.image_id), draft.where)
        for pair in find_crossings(by_split):
            early, late = sorted([pair[:2], pair[2:4]], key=lambda side: SPLITS.index(cast(Split, side[0])))
            self.notes.append(f"{first[early]}: a near-duplicate of {first[late]}, which is in {late[0]}; left out")
        used = sum(map(len, chosen.values()))
        if used < len(drafts):
            caps = ", ".join(f"{split} {cap}" for split, cap in CAPS.items())
            self.notes.append(f"{used} of {len(drafts)} good rows are used; at most {caps}")


def _sample(draft: Draft) -> Sample:
    t = draft.texts
    return Sample(t.id, draft.image_id, NOTHING, t.question, t.answer, t.answers, t.choices, rule=t.rule)
