"""The store of your own data sets: import a path once, and load the copy by a name that says what is in it.

The name `own:pets@0123456789abcdef` holds the folder's name and the identity of the samples. The original path is kept
nowhere. So a moved folder, or the same samples in another format, makes nothing again, and a results row does not
reveal where people keep their pictures.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from bench.datasets.own.files import locate
from bench.datasets.splits import Split
from bench.errors import UserError
from bench.paths import home, keep
from bench.spec import Closed

if TYPE_CHECKING:
    from bench.datasets.own.contents import Contents
    from bench.samples import SampleSet

KIND = "own"
SHARED = ("near_duplicates", "parquet", "parquet_pages", "special_tokens", "splits")
"""The modules of `bench.datasets` that decide, besides those of this package, what is read from a path."""
NAME = re.compile(r"own:([\w.-]{1,40})@([0-9a-f]{16})", re.ASCII)
MAX_LISTED = 20
LARGE_EFFECT = 0.1
"""A test split that can only show larger differences than 10 points, the least clean gain that counts, gets a note."""


@dataclass(frozen=True)
class ImportReport:
    """An imported data set: its name, all its rows, the samples used in each split, and lines on the other rows.

    effect: the smallest difference of two accuracies, in [0,1], that its test split would probably show with one seed.
    """

    name: str
    rows: int
    used: dict[Split, int]
    effect: float
    bad: list[str]
    notes: list[str]

    @property
    def lines(self) -> list[str]:
        """The lines to show: the first bad rows and their number, what was left out, and the sizes."""
        lines = first_lines(self.bad)
        if self.bad:
            lines.append(f"{len(self.bad)} of {self.rows} rows cannot be used and are left out")
        lines += first_lines(self.notes)
        lines.append(f"{self.name}: {', '.join(f'{split} {size}' for split, size in self.used.items())}")
        if self.effect > LARGE_EFFECT:
            points = f"{100 * self.effect:.0f} points"
            lines.append(f"{self.name}: differences below about {points} would not show; `bench power`")
        return lines


def is_path(text: str) -> bool:
    """Tell if a text is meant as a path: it has a separator, or a file or folder of this name exists.

    >>> is_path("data/pets"), is_path("emoji_catalog")
    (True, False)
    """
    if "/" in text or text.casefold().endswith(".parquet") or text in (".", ".."):
        return True
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a file's name
        return False


def is_own(name: str) -> bool:
    """Tell if a name is one that `import_path` gives.

    >>> is_own("own:pets@0123456789abcdef"), is_own("emoji_catalog")
    (True, False)
    """
    return NAME.fullmatch(name) is not None


def import_path(text: str) -> ImportReport:
    """Read, check and copy the data set at a path. A data set that was imported before is not decoded again.

    Raises UserError, with the rows at fault, if too many cannot be used.
    """
    from bench.datasets.own.contents import digest, read_contents

    path = locate(text)
    file = home() / KIND / f"{digest(path)}-{_reader_hash()}-{_label(path)}.json"
    record = _read_record(file)
    if record is not None and _is_imported(record.key):
        return ImportReport(_name(path, record.key), **record.model_dump(exclude={"key"}))
    contents = read_contents(path)
    if contents.refusal:
        raise UserError("\n  ".join([f"dataset: {text!r}: {contents.refusal}", *first_lines(contents.bad)]))
    key = _copy(contents.samples())
    report = _report(_name(path, key), contents)
    fields = {field: value for field, value in asdict(report).items() if field != "name"}
    keep(file, json.dumps({"key": key, **fields}, ensure_ascii=False))
    return report


class _Record(Closed):
    """The file of an import: the identity of the samples, and the fields of the report."""

    key: str = Field(pattern="^[0-9a-f]{16}$")
    rows: int
    used: dict[Split, int]
    effect: float
    bad: list[str]
    notes: list[str]


def _read_record(file: Path) -> _Record | None:
    """Return the record of an earlier import; None where there is none, or where it is broken."""
    try:
        return _Record.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _report(name: str, contents: "Contents") -> ImportReport:
    used = {split: len(drafts) for split, drafts in contents.drafts.items()}
    return ImportReport(name, contents.rows, used, contents.effect, contents.bad, contents.notes)


def first_lines(lines: list[str]) -> list[str]:
    """Return the first MAX_LISTED lines, and one that says how many more there are."""
    hidden = len(lines) - MAX_LISTED
    return lines[:MAX_LISTED] + ([f"... and {hidden} more; `bench data check` lists all"] if hidden > 0 else [])


def identity(name: str) -> str:
    """Return the identity of the samples, which stands in the name.

    >>> identity("own:pets@0123456789abcdef")
    '0123456789abcdef'
    """
    match = NAME.fullmatch(name)
    assert match is not None
    return match[2]


def check_imported(name: str) -> None:
    """Raise UserError for a name that no import in this home gave, or whose samples are not here any more."""
    match = NAME.fullmatch(name)
    assert match is not None
    label, key = match.groups()
    records = map(_read_record, (home() / KIND).glob(f"*-{label}.json"))
    if not _is_imported(key) or not any(record is not None and record.key == key for record in records):
        raise _not_imported(name)


def load_split(name: str, split: str) -> "SampleSet":
    """Return the samples of one split. Raises UserError as `check_imported` does."""
    from bench.samples import SampleSet
    from bench.store import artifacts

    artifact = artifacts.find(KIND, identity(name))
    if artifact is None:
        raise _not_imported(name)
    return SampleSet.load(artifact.folder / split)


def _not_imported(name: str) -> UserError:
    return UserError(f"dataset: {name!r} is not in {home()}; allowed: its folder or file, which imports it again")


def _copy(splits: dict[Split, "SampleSet"]) -> str:
    """Write the samples into the home. Returns their identity."""
    from bench.store import artifacts

    def save(folder: Path) -> None:
        for split, samples in splits.items():
            samples.save(folder / split)

    return artifacts.make(KIND, {split: samples.digest for split, samples in splits.items()}, save).identity


def _is_imported(key: str) -> bool:
    from bench.store import artifacts

    return artifacts.find(KIND, key) is not None


def _name(path: Path, key: str) -> str:
    """Return the name of a data set: its label and its identity."""
    return f"own:{_label(path)}@{key}"


def _label(path: Path) -> str:
    """Return the last part of a path in characters that need no quotes."""
    plain = re.sub(r"[^\w.-]+", "_", path.stem if path.is_file() else path.resolve().name, flags=re.ASCII)
    return plain[:40] or "data"


@cache
def _reader_hash() -> str:
    """Return a hash of the code that reads a path: other code may read something else from the same files."""
    package = Path(__file__).parent
    shared = [
        *(package.parent / f"{name}.py" for name in SHARED),
        package.parent.parent / "pictures.py",
    ]
    sources = [file.read_bytes() for file in [*sorted(package.glob("*.py")), *shared]]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:8]
