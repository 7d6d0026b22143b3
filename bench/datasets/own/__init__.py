"""Data of one's own: a path is read once, checked, copied into the suite's home, and from then on known by its content.

The name `own:pets@0123456789abcdef` holds the folder's name and the identity of the samples. Where the files lie is
kept nowhere, so that neither a moved folder nor another form of the same samples makes anything anew, and a results
row tells nobody where a person keeps their pictures.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError
from bench.paths import home, write_whole

if TYPE_CHECKING:
    from bench.datasets.splits import Split
    from bench.samples import SampleSet

KIND = "own"
NAME = re.compile(r"own:([\w.-]{1,40})@([0-9a-f]{16})", re.ASCII)
SHOWN = 20
VISIBLE = 0.1
"""A test split that would not show 10 points is told to be small: so much is asked of the clean gain."""


@dataclass(frozen=True)
class Taken:
    """A data set that was taken in: its name, its rows in all, those used by split, and what to tell of the others.

    effect: the smallest difference of two accuracies, in [0,1], that its test split would probably show in one seed.
    """

    name: str
    rows: int
    used: dict["Split", int]
    effect: float
    bad: list[str]
    notes: list[str]

    @property
    def lines(self) -> list[str]:
        """What to tell: the first rows that cannot be used and their number, what was left out, and the sizes."""
        count = [f"{len(self.bad)} of {self.rows} rows cannot be used and are left out"] if self.bad else []
        sizes = ", ".join(f"{split} {size}" for split, size in self.used.items())
        points = f"{self.name}: differences below about {100 * self.effect:.0f} points would not show; `bench power`"
        small = [points] if self.effect > VISIBLE else []
        return [*listed(self.bad), *count, *listed(self.notes), f"{self.name}: {sizes}", *small]


def is_path(text: str) -> bool:
    """Whether somebody who typed this means a path: it has a separator, or something of this name is here."""
    return "/" in text or text.endswith(".parquet") or text in (".", "..") or Path(text).exists()


def is_own(name: str) -> bool:
    """Whether a data set's name is one that `take_in` gives."""
    return NAME.fullmatch(name) is not None


def take_in(text: str) -> Taken:
    """Read, check and keep what is at a path. Raises UserError with the rows at fault where too many cannot be used.

    What was read before is not decoded again.
    """
    from bench.datasets.own.contents import digest, read

    path = Path(text).expanduser()
    kept = home() / KIND / f"{digest(path)}-{_reader()}.json"
    if kept.exists() and _here(key := (found := json.loads(kept.read_text(encoding="utf-8"))).pop("key")):
        return Taken(_name(path, key), **found)
    contents = read(path)
    if contents.refusal:
        raise UserError("\n  ".join([f"dataset: {text!r}: {contents.refusal}", *listed(contents.bad)]))
    key = _keep(contents.samples())
    used = {split: len(drafts) for split, drafts in contents.drafts.items()}
    taken = Taken(_name(path, key), contents.rows, used, contents.effect, contents.bad, contents.notes)
    told = {name: value for name, value in asdict(taken).items() if name != "name"}
    write_whole(kept, json.dumps({"key": key, **told}, ensure_ascii=False))
    return taken


def listed(lines: list[str]) -> list[str]:
    """The first lines, and how many there are."""
    more = [f"... and {len(lines) - SHOWN} more; `bench data check` lists all"] if len(lines) > SHOWN else []
    return [*lines[:SHOWN], *more]


def identity(name: str) -> str:
    """The identity in a name, of all that is played."""
    found = NAME.fullmatch(name)
    assert found is not None
    return found[2]


def check(name: str) -> None:
    """Raises UserError for a name whose samples are not in this home."""
    if not _here(identity(name)):
        raise _absent(name)


def load(name: str, split: str) -> "SampleSet":
    """The samples of one split. Raises UserError as `check` does."""
    from bench.samples import SampleSet
    from bench.store import artifacts

    found = artifacts.find(KIND, identity(name))
    if found is None:
        raise _absent(name)
    return SampleSet.load(found.folder / split)


def _absent(name: str) -> UserError:
    return UserError(f"dataset: {name!r} is not in {home()}; allowed: its folder or file, which takes it in again")


def _keep(splits: dict["Split", "SampleSet"]) -> str:
    from bench.store import artifacts

    def work(folder: Path) -> None:
        for split, samples in splits.items():
            samples.save(folder / split)

    return artifacts.make(KIND, {split: samples.digest for split, samples in splits.items()}, work).identity


def _here(key: str) -> bool:
    from bench.store import artifacts

    return artifacts.find(KIND, key) is not None


def _name(path: Path, key: str) -> str:
    """The last part of a path in letters that need no quotes, and the identity."""
    real = path.resolve()
    plain = re.sub(r"[^\w.-]+", "_", real.stem if real.is_file() else real.name, flags=re.ASCII)
    return f"own:{plain[:40] or 'data'}@{key}"


@cache
def _reader() -> str:
    """Changes with the code that reads: what other code made of the same files may be something else."""
    package = Path(__file__).parent
    files = [*sorted(package.glob("*.py")), package.parent / "near.py", package.parent / "splits.py"]
    sources = [file.read_bytes() for file in [*files, package.parent.parent / "pictures.py"]]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:8]
