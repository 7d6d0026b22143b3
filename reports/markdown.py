"""Tables and estimates in Markdown."""

import re
from collections.abc import Callable, Iterable, Mapping
from math import isnan

TABLE = re.compile(r"<!-- table: (.+?) -->\n.*?<!-- end -->", re.S)


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table with a title for each column.

    >>> print(table(["defense", "seed"], [["`em`", "0"]]))
    | defense | seed |
    | --- | --- |
    | `em` | 0 |
    """
    head = list(titles)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def interval(estimate: Iterable[float], digits: int = 2) -> str:
    """Return an estimate (value, low, high) with the limits of its interval; nothing for NaN, which is no estimate.

    >>> interval([0.63, 0.57, 0.69])
    '+0.63 [+0.57, +0.69]'
    """
    value, low, high = estimate
    return "" if isnan(value) else f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def fill(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """Return a page with its tables written anew. Raises KeyError for the name of no table.

    >>> print(fill("<!-- table: numbers -->\\n(old)\\n<!-- end -->", {"numbers": lambda: "(new)"}))
    <!-- table: numbers -->
    <BLANKLINE>
    (new)
    <BLANKLINE>
    <!-- end -->
    """
    return TABLE.sub(lambda match: f"<!-- table: {match[1]} -->\n\n{tables[match[1]]()}\n\n<!-- end -->", text)
