"""Groups of rows in a table from elsewhere: where each begins, and which of them are wrong and left out."""

from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING

from bench.errors import printable

if TYPE_CHECKING:
    import pyarrow as pa


def index_groups(
    table: "pa.Table", column: str, kind: str, find_fault: Callable[[str, "pa.Table"], str]
) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Return the first row and the number of rows of each group that is right, and what is wrong with the others.

    The rows of a group stand together and have its name in `column`. kind: the word for a group in a fault. find_fault:
    tells what is wrong with a group, by its name and its rows, or "".
    """
    ranges: dict[str, tuple[int, int]] = {}
    faults = []
    first = 0
    for data, group in groupby(table[column].cast("binary").to_pylist()):
        count = sum(1 for _ in group)
        name = data[:40].decode(errors="replace")
        fault = "it is there twice" if name in ranges else find_fault(name, table.slice(first, count))
        if fault:
            faults.append(f"{kind} {printable(name)!r} is left out: {fault}")
        else:
            ranges[name] = first, count
        first += count
    return ranges, faults
