"""The rows of your own data before they are checked: their columns, the names of their splits, and where they are."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from bench.datasets.splits import Split
from bench.errors import UserError

COLUMNS = (
    "file_name",
    "image",
    "images",
    "question",
    "answer",
    "caption",
    "answers",
    "choices",
    "id",
    "split",
    "rule",
    "conversations",
    "messages",
)

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""The split that a folder, a key or a cell of this name means; capital letters mean the same."""

MAX_ROWS = 100_000
MAX_LIST = 100


class RawRow(NamedTuple):
    """A row before it is checked. `where` names file and row; `split` is that of its folder or table, else ""."""

    where: str
    split: str
    cells: dict[str, Any]


class RawDataset(NamedTuple):
    """A data set before it is checked. `rows` reads from the first row on; a row that cannot be parsed is an error.

    Pictures in separate files are inside `root`, in the folder that `base` returns for a row's split. `notes` name
    what lies beside the rows and is not read. tables: the files of the rows by split, in their order, under the names
    that they have in the folder; none of a saved data set.
    """

    root: Path
    rows: Callable[[], Iterator[RawRow | UserError]]
    base: Callable[[str], Path]
    notes: tuple[str, ...] = ()
    tables: Mapping[str, Path] = MappingProxyType({})


def check_columns(names: Iterable[str], where: str) -> None:
    """Raise UserError for a column that is unknown or named twice."""
    seen: set[str] = set()
    for name in names:
        if name not in COLUMNS or name in seen:
            fault = "is there twice" if name in seen else "is not known"
            raise UserError(f"{where}: column {name[:80]!r} {fault}; allowed: {', '.join(COLUMNS)}")
        seen.add(name)


def find_split(name: str) -> Split | None:
    """Return the split that a name means, or None.

    >>> find_split("Val"), find_split("holdout")
    ('validation', None)
    """
    return SPLIT_NAMES.get(name.casefold())


def printable(name: str) -> str:
    """Return a file's name for a message: as it is, or escaped if it has characters that a terminal would obey."""
    return name if name.isprintable() else ascii(name)
