"""A data set of one's own, read whole: what is good in it by split, and one line for each row that is not."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from bench.datasets.near import fingerprint
from bench.datasets.own.forms import MAX_ROWS, Form, Raw, open_form
from bench.datasets.own.rows import Texts, picture, texts
from bench.datasets.splits import CAPS, SPLITS, Picture, Roles, Split, assign, crossing
from bench.errors import UserError
from bench.pictures import decode
from bench.samples import Sample, SampleSet

LEAST: dict[Split, int] = {"train": 8, "validation": 4, "test": 8}
"""Pictures without which nothing can be trained or told; a test that means something has hundreds."""

MOST_BAD = 0.1
MAX_BYTES = 8 * 2**30
"""Of the decoded pictures of all splits together."""

MAX_RATIO = 100


class Draft(NamedTuple):
    """A good row without its picture, whose pixels hash to `image_id`. `number`: its place among all rows."""

    number: int
    where: str
    image_id: str
    texts: Texts


@dataclass(frozen=True)
class Contents:
    """What was found: `rows` in all, one line in `bad` for each that cannot be used, `notes` on good rows left out."""

    form: Form
    rows: int
    drafts: dict[Split, list[Draft]]
    bad: list[str]
    notes: list[str]

    @property
    def refusal(self) -> str:
        """Why nothing is played on it, or ""."""
        if len(self.bad) > MOST_BAD * self.rows:
            return f"{len(self.bad)} of {self.rows} rows cannot be used; allowed: at most one in ten"
        for split, least in LEAST.items():
            if (count := self.pictures(split)) < least:
                allowed = ", ".join(f"{split} {least}" for split, least in LEAST.items())
                return f"{split} has {count} good pictures; allowed: at least {allowed}, and hundreds to tell much"
        return ""

    def pictures(self, split: Split) -> int:
        """How many different pictures a split has."""
        return len({draft.image_id for draft in self.drafts[split]})

    @property
    def effect(self) -> float:
        """The smallest difference of two accuracies that one seed would probably show (`bench.scoring.power`)."""
        from bench.scoring.power import Plan, paired

        items = len(self.drafts["test"])
        return paired(Plan(items, round(items / self.pictures("test"))))

    def samples(self) -> dict[Split, SampleSet]:
        """The data set; every picture of it is decoded once more."""
        chosen = {draft.number: draft for drafts in self.drafts.values() for draft in drafts}
        pixels: dict[str, np.ndarray] = {}
        for number, raw in enumerate(self.form.rows()):
            if number in chosen and (name := chosen[number].image_id) not in pixels and isinstance(raw, Raw):
                pixels[name] = decode(picture(raw, self.form), raw.where)
        return {
            split: SampleSet(tuple(_sample(draft, pixels[draft.image_id]) for draft in drafts))
            for split, drafts in self.drafts.items()
        }


def read(path: Path) -> Contents:
    """Every row of what is at `path`. Raises UserError where it is no data set at all."""
    return _Reading(open_form(path)).contents()


def digest(path: Path) -> str:
    """Sixteen hex digits that change with any cell or picture file, and not with where they lie."""
    form = open_form(path)
    whole = hashlib.sha256()
    for raw in form.rows():
        whole.update(repr(_fixed(raw, form)).encode(errors="surrogatepass"))
    return whole.hexdigest()[:16]


def _fixed(raw: Raw | UserError, form: Form) -> tuple[object, ...]:
    if isinstance(raw, UserError):
        return (str(raw),)
    try:
        data: bytes | str = hashlib.sha256(picture(raw, form)).hexdigest()
    except UserError as error:
        data = str(error)
    cells = {key: value for key, value in raw.cells.items() if key != "image"}
    return raw.where, raw.split, json.dumps(cells, sort_keys=True, default=str), data


@dataclass
class _Reading:
    """One pass over the rows, in which every picture is decoded and hashed but none is kept."""

    form: Form
    bad: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    files: dict[bytes, str] = field(default_factory=dict)
    hashes: dict[str, np.ndarray] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def contents(self) -> Contents:
        rows, drafts = 0, []
        for raw in self.form.rows():
            rows += 1
            if rows > MAX_ROWS:
                raise UserError(f"dataset: more than {MAX_ROWS} rows; allowed: {MAX_ROWS}")
            try:
                drafts.append(self._draft(rows - 1, raw))
            except UserError as error:
                self.bad.append(str(error))
        chosen = self._divide(list(self._with_splits(drafts)))
        needed = sum(self.sizes[name] for name in {d.image_id for part in chosen.values() for d in part})
        if needed > MAX_BYTES:
            raise UserError(
                f"dataset: its pictures take {needed / 2**30:.1f} GiB decoded; allowed: {MAX_BYTES / 2**30:.0f}; "
                "make them smaller"
            )
        return Contents(self.form, rows, chosen, self.bad, self.notes)

    def _draft(self, number: int, raw: Raw | UserError) -> Draft:
        if isinstance(raw, UserError):
            raise raw
        told = texts(raw)
        name = told.id or f"row-{number + 1:06d}"
        if name in self.ids:
            raise UserError(f"{raw.where}: id: {name!r} is also that of {self.ids[name]}; allowed: different ids")
        image_id = self._picture(picture(raw, self.form), f"{raw.where}: picture")
        self.ids[name] = raw.where
        return Draft(number, raw.where, image_id, told._replace(id=name))

    def _picture(self, data: bytes, where: str) -> str:
        file = hashlib.sha256(data).digest()
        if file not in self.files:
            pixels = decode(data, where)
            height, width, _ = pixels.shape
            if max(height, width) > MAX_RATIO * min(height, width):
                raise UserError(f"{where}: {width}x{height} pixels; allowed: sides up to {MAX_RATIO} to 1")
            name = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]
            self.files[file], self.sizes[name] = name, pixels.nbytes
            self.hashes.setdefault(name, fingerprint(pixels))
        return self.files[file]

    def _with_splits(self, drafts: list[Draft]) -> Iterator[Draft]:
        """Either all rows have a split or none has."""
        told = any(draft.texts.split for draft in drafts)
        for draft in drafts:
            if told and not draft.texts.split:
                self.bad.append(f"{draft.where}: split: missing; allowed: one for each row, or for none")
            else:
                yield draft

    def _divide(self, drafts: list[Draft]) -> dict[Split, list[Draft]]:
        """By the rule of `bench.datasets.splits`; splits that the owner left out are taken from training."""
        told = {draft.texts.split for draft in drafts}
        if told and told != {""} and "train" not in told:
            raise UserError(f"dataset: only {', '.join(sorted(told))}; allowed: a train split, or no splits at all")
        left = tuple(split for split in SPLITS if split not in told)
        roles: Roles = {"": SPLITS, "train": ("train", *left), "validation": ("validation",), "test": ("test",)}
        counts = Counter((draft.image_id, draft.texts.split) for draft in drafts)
        pictures = [Picture(name, source, self.hashes[name], count) for (name, source), count in counts.items()]
        assigned = assign(pictures, roles)
        chosen: dict[Split, list[Draft]] = {split: [] for split in SPLITS}
        for draft in drafts:
            if (split := assigned.split.get((draft.image_id, draft.texts.split))) is not None:
                chosen[split].append(draft)
        self._tell(drafts, chosen)
        return chosen

    def _tell(self, drafts: list[Draft], chosen: dict[Split, list[Draft]]) -> None:
        """Notes on the near-duplicates between the owner's splits, and on rows beyond the caps."""
        by_split: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
        first: dict[tuple[str, str], str] = {}
        for draft in drafts:
            by_split[draft.texts.split][draft.image_id] = self.hashes[draft.image_id]
            first.setdefault((draft.texts.split, draft.image_id), draft.where)
        for pair in crossing(by_split):
            early, late = sorted([pair[:2], pair[2:4]], key=lambda side: SPLITS.index(cast(Split, side[0])))
            self.notes.append(f"{first[early]}: nearly the picture of {first[late]}, which is in {late[0]}; left out")
        used = sum(map(len, chosen.values()))
        caps = ", ".join(f"{split} {cap}" for split, cap in CAPS.items())
        self.notes.append(f"{used} of {len(drafts)} good rows are used; at most {caps}") if used < len(drafts) else None


def _sample(draft: Draft, pixels: np.ndarray) -> Sample:
    told = draft.texts
    return Sample(
        told.id, draft.image_id, pixels, told.question, told.answer, told.answers, told.choices, rule=told.rule
    )
